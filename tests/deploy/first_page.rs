//! The ways to begin that README.md shows: the container and the chart, as its commands have them.

use std::fs;

use super::helm::{self, NAMESPACE, gatepost, root};
use super::unpacked::Unpacked;

/// The words of the shell command in README.md that begins so, without this beginning.
fn command(start: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).unwrap().replace("\\\n", " ");
    let line = text.lines().find_map(|line| line.strip_prefix("    ")?.strip_prefix(start));
    line.unwrap_or_else(|| panic!("no {start:?} in README.md")).split_whitespace().map(str::to_owned).collect()
}

/// The image is one that was built, the variables are a configuration, and port and volume are those of the image.
#[test]
fn the_container_of_the_first_page_is_configured() {
    let image = Unpacked::new();
    let words = command("docker run ");
    let (name, options) = words.split_last().unwrap();
    assert_eq!(command("docker build "), ["--tag", name, "--file", "deploy/Containerfile", "."]);
    let (mut variables, mut options) = (Vec::new(), options.iter().map(String::as_str));
    while let Some(option) = options.next() {
        let mut value = || options.next().unwrap();
        match option {
            "--read-only" => {}
            "--publish" => {
                let port = value().rsplit(':').next().unwrap();
                assert!(image.config["ExposedPorts"].get(format!("{port}/tcp")).is_some(), "{port}");
            }
            "--volume" => {
                let path = value().split_once(':').unwrap().1;
                assert!(image.config["Volumes"].get(path).is_some(), "{path}");
            }
            "--env" => {
                let variable = value();
                // Without a value, it is the one that the shell was told.
                variables.push(variable.split_once('=').unwrap_or_else(|| {
                    command(&format!("export {variable}="));
                    (variable, "a-secret-of-the-wiki")
                }));
            }
            _ => panic!("{option} is not known here"),
        }
    }
    let output = image.command(&image.with_arguments(&["check-config"]), variables).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The release has the image that was pushed and the Secret that was made, and the program accepts its configuration.
#[test]
fn the_chart_of_the_first_page_is_configured() {
    let file = "deploy/helm/smallest.yaml";
    assert_eq!(
        command("helm install "),
        ["gatepost", "deploy/helm/gatepost", "--namespace", NAMESPACE, "--values", file]
    );
    let values = helm::values(&[&fs::read_to_string(root().join(file)).unwrap()]).remove(0);
    let release = helm::render_one(values);
    assert_eq!(release.container()["image"], command("docker push ")[0]);
    assert_eq!(command("docker tag ")[1], command("docker push ")[0]);
    assert_eq!(command("kubectl create namespace "), [NAMESPACE]);

    let secret = command(&format!("kubectl --namespace {NAMESPACE} create secret generic "));
    let key = secret[1].strip_prefix("--from-literal=").and_then(|literal| literal.split_once('=')).unwrap().0;
    let folder = tempfile::tempdir().unwrap();
    let path = format!("/run/secrets/gatepost/{}/{key}", secret[0]);
    let made = folder.path().join(path.trim_start_matches('/'));
    fs::create_dir_all(made.parent().unwrap()).unwrap();
    fs::write(&made, "a-secret-of-the-wiki").unwrap();
    let text = release.configuration();
    assert!(text.contains(&path), "{text}");
    let config = folder.path().join("gatepost.yaml");
    fs::write(&config, text.replace(&path, made.to_str().unwrap())).unwrap();
    let output = gatepost(&["check-config", "--config", config.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
