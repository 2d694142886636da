//! The image, built from the tested program as `make image` builds it, unpacked, and run as an engine runs it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// The user of the image.
pub(crate) const USER: &str = "65532";
/// Where the image keeps its state, and where it expects its configuration.
pub(crate) const STATE: &str = "/var/lib/gatepost";
pub(crate) const CONFIGURATION: &str = "/etc/gatepost";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}; run `make tools`"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a text")
}

/// Whether this process is root; only root can give files to the image's user.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Writes the image of these programs into `folder`; what the script says.
pub(crate) fn build(folder: &Path, programs: &[&Path]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/image/build");
    run(Command::new(script).arg(folder).args(programs))
}

/// The JSON document in a layout to which a descriptor leads.
pub(crate) fn blob(layout: &Path, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().expect("a digest").replace(':', "/");
    serde_json::from_slice(&fs::read(layout.join("blobs").join(digest)).expect("a blob")).expect("JSON")
}

/// The first descriptor in the index of a layout.
pub(crate) fn first(layout: &Path) -> Value {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).expect("an index")).expect("JSON");
    index["manifests"][0].clone()
}

/// The unpacked image of the tested program.
pub(crate) struct Unpacked {
    folder: TempDir,
    /// How it is run: the member `config` of its configuration.
    pub(crate) config: Value,
}

impl Unpacked {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (layout, bundle) = (folder.path().join("layout"), folder.path().join("bundle"));
        build(&layout, &[Path::new(env!("CARGO_BIN_EXE_gatepost"))]);
        let config = blob(&layout, &blob(&layout, &first(&layout))["config"])["config"].clone();
        let mut umoci = Command::new("umoci");
        umoci.arg("unpack").args((!is_root()).then_some("--rootless"));
        run(umoci.args(["--image", &format!("{}:{}", layout.display(), env!("CARGO_PKG_VERSION"))]).arg(&bundle));
        // The image's user has to reach its files.
        for reached in [folder.path(), bundle.as_path()] {
            fs::set_permissions(reached, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        fs::create_dir(folder.path().join("configuration")).expect("a folder");
        Self { folder, config }
    }

    /// The image's `/`.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("bundle/rootfs")
    }

    /// Writes a file of the configuration; its path in the image.
    pub(crate) fn configure(&self, name: &str, text: &str) -> String {
        fs::write(self.folder.path().join("configuration").join(name), text).expect("a file");
        format!("{CONFIGURATION}/{name}")
    }

    fn words(&self, member: &str) -> Vec<&str> {
        self.config[member].as_array().expect("a list").iter().map(|word| word.as_str().expect("a word")).collect()
    }

    /// The command that runs without another one.
    pub(crate) fn service(&self) -> Vec<&str> {
        [self.words("Entrypoint"), self.words("Cmd")].concat()
    }

    /// The command that runs in place of the service, with these arguments.
    pub(crate) fn with_arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [self.words("Entrypoint").as_slice(), arguments].concat()
    }

    /// The command of the health check.
    pub(crate) fn health_check(&self) -> Vec<&str> {
        let test = &self.config["Healthcheck"]["Test"];
        let words: Vec<_> =
            test.as_array().expect("a list").iter().map(|word| word.as_str().expect("a word")).collect();
        assert_eq!(words[0], "CMD", "no shell");
        words[1..].to_vec()
    }

    /// A command in the image: as its user, without capabilities, in namespaces of its own except for the network, with a root
    /// that cannot be written, a volume for the state and one for the configuration.
    pub(crate) fn command<'a>(
        &self,
        words: &[&str],
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Command {
        let (root, state) = (self.root(), self.root().join(STATE.trim_start_matches('/')));
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            let (user, group) = (format!("--reuid={USER}"), format!("--regid={USER}"));
            command.args([&user, &group, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "bwrap"]);
            command
        } else {
            Command::new("bwrap")
        };
        command.args(["--unshare-all", "--share-net", "--uid", USER, "--gid", USER, "--cap-drop", "ALL"]);
        // As in a container, the program is process 1, which signals do not end by themselves.
        command.args(["--as-pid-1", "--die-with-parent", "--new-session"]);
        command.arg("--ro-bind").args([&root, Path::new("/")]).args(["--proc", "/proc", "--dev", "/dev"]);
        command.arg("--bind").args([&state, Path::new(STATE)]);
        command.arg("--ro-bind").arg(self.folder.path().join("configuration")).arg(CONFIGURATION);
        command.args(["--chdir", self.config["WorkingDir"].as_str().expect("a folder"), "--clearenv"]);
        for variable in self.words("Env") {
            let (name, value) = variable.split_once('=').expect("a variable");
            command.args(["--setenv", name, value]);
        }
        for (name, value) in variables {
            command.args(["--setenv", name, value]);
        }
        command.arg("--").args(words);
        command
    }
}
