//! The decisions of `bin/run` and `bin/need`, with stand-ins for the commands that change a machine: each writes down how
//! it was called.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn copied(folder: &Path, name: &str) {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("bin").join(name);
    script(&folder.join("bin").join(name), "");
    fs::write(folder.join("bin").join(name), fs::read(real).unwrap()).unwrap();
}

/// What `bin/run` calls the program with, given a configuration file and variables.
fn started(configuration: Option<&str>, variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    copied(folder.path(), "run");
    for step in ["bin/rust", "bin/need", "bin/assets", "path/cargo"] {
        script(&folder.path().join(step), "exit 0");
    }
    script(&folder.path().join("target/release/sunbid"), "echo \"$1 demo=${SUNBID_DEMO:-unset}\"");
    if let Some(text) = configuration {
        fs::write(folder.path().join("sunbid.toml"), text).unwrap();
    }
    let path = format!("{}:{}", folder.path().join("path").display(), std::env::var("PATH").unwrap());
    let run = Command::new(folder.path().join("bin/run"))
        .env("PATH", path)
        .env_remove("SUNBID_DEMO")
        .env_remove("SUNBID_DATABASE_URL")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).lines().collect::<Vec<_>>().join(", ")
}

#[test]
fn a_first_start_is_a_demonstration_and_an_operators_own_centre_is_none_unless_they_say_so() {
    let demonstration = "migrate demo=true, demo demo=true, serve demo=true";
    let plain = "migrate demo=unset, serve demo=unset";
    assert_eq!(started(None, &[]), demonstration);
    assert_eq!(started(Some("demo = false\n"), &[]), plain);
    assert_eq!(started(Some("listen = \"127.0.0.1:9000\"\n"), &[]), plain);
    assert_eq!(started(Some("demo = true\n"), &[]), demonstration);
    assert_eq!(started(Some("demo = false\n"), &[("SUNBID_DEMO", "true")]), demonstration);
    let own = ("SUNBID_DATABASE_URL", "postgres://localhost/centre");
    assert_eq!(started(None, &[own]), plain);
    assert_eq!(started(None, &[own, ("SUNBID_DEMO", "true")]), demonstration);
    assert_eq!(started(None, &[("SUNBID_DEMO", "false")]), "migrate demo=false, serve demo=false");
}

/// What `bin/rust` says on a machine whose cargo says `version`.
fn judged(version: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    copied(folder.path(), "rust");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"), folder.path().join("Cargo.toml"))
        .unwrap();
    script(&folder.path().join("path/cargo"), &format!("echo '{version}'"));
    let path = format!("{}:{}", folder.path().join("path").display(), std::env::var("PATH").unwrap());
    let said = Command::new(folder.path().join("bin/rust")).env("PATH", path).output().unwrap();
    (said.status.success(), String::from_utf8_lossy(&said.stdout).into_owned())
}

#[test]
fn a_rust_that_is_too_old_is_told_before_anything_is_built() {
    let (ok, said) = judged("cargo 1.63.0 (fd9c4297c 2022-07-01)");
    assert!(
        !ok && said.contains("1.63.0 is too old") && said.contains(env!("CARGO_PKG_RUST_VERSION")),
        "{said}"
    );
    assert!(judged(concat!("cargo ", env!("CARGO_PKG_RUST_VERSION"), ".0")).0);
    assert!(judged("cargo 1.100.1").0);
}

/// Runs `bin/need` as somebody who is not root on a machine that lacks everything; `sudo` does as `sudo_does`.
fn needed(sudo_does: &str, terminal: bool) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    copied(folder.path(), "need");
    for (name, text) in [
        ("id", "echo 1000"),
        ("dpkg-query", "exit 1"),
        ("apt-get", "echo \"apt-get $1\""),
        ("sudo", sudo_does),
    ] {
        script(&folder.path().join("path").join(name), text);
    }
    let path = format!("{}:{}", folder.path().join("path").display(), std::env::var("PATH").unwrap());
    let need = folder.path().join("bin/need").display().to_string();
    let mut command = if terminal {
        // util-linux's `script` gives its child a terminal
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &need, "/dev/null"]);
        command
    } else {
        Command::new(need)
    };
    let run = command.env("PATH", path).stdin(std::process::Stdio::null()).output().unwrap();
    (run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned())
}

#[test]
fn sudo_may_ask_for_the_password_at_a_terminal_only() {
    let asks = "[ \"$1\" = -n ] && exit 1; echo \"password\"; exec \"$@\"";
    let (done, told) = needed(asks, true);
    assert!(done && told.contains("password") && told.contains("apt-get install"), "{told}");
    let (done, told) = needed(asks, false);
    assert!(!done && told.contains("Please run this once as root"), "{told}");
    let free = "[ \"$1\" = -n ] && exit 0; exec \"$@\"";
    let (done, told) = needed(free, false);
    assert!(done && told.contains("apt-get install"), "{told}");
}

#[test]
fn the_script_that_seals_is_built_again_from_its_source_to_the_same_bytes() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hash = crate::platform::web::assets::hash("seal.js").expect("run bin/assets before the tests");
    let built = |expected: &str| {
        Command::new(house.join("bin/seal-hash"))
            .arg(expected)
            .env("SUNBID_NODE_MODULES", house.join("browser/node_modules"))
            .output()
            .unwrap()
    };
    let same = built(hash);
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stderr));
    assert_eq!(String::from_utf8_lossy(&same.stdout).trim(), hash);
    let other = built(&"0".repeat(64));
    assert_eq!(other.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&other.stderr).contains("differs"));
}
