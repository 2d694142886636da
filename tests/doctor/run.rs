//! Runs the command in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

/// A folder with a configuration.
pub(crate) struct Setup {
    folder: TempDir,
}

impl Setup {
    /// One application of `issuer`, with further sections.
    pub(crate) fn new(issuer: &str, of_application: &str, sections: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "applications:\n  - name: Wiki\n    external_host: https://wiki.example.com\n    issuer: {issuer}\n    \
             client_id: wiki\n    client_secret_file: secret\n{of_application}listen: {{ metrics: 127.0.0.1:1 }}\n{sections}"
        );
        fs::write(folder.path().join("gatepost.yaml"), text).unwrap();
        let setup = Self { folder };
        setup.write("secret", SECRET, 0o600);
        setup
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Changes the configuration.
    pub(crate) fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.path().join("gatepost.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, change(text)).unwrap();
    }

    /// Writes a file with this mode.
    pub(crate) fn write(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// The command's output. Waits without blocking the servers of the test.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.arg("doctor").args(arguments).arg("--config").arg("gatepost.yaml").current_dir(self.path()).env_clear();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        for text in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(text).contains("hunter2"), "a secret is told: {output:?}");
        }
        output
    }

    /// The findings as JSON, and the exit code.
    pub(crate) async fn findings(&self) -> (Option<i32>, Value) {
        let output = self.run(&["--json"]).await;
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{fault}: {output:?}"));
        (output.status.code(), json)
    }

    /// The names of all files in the folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}
