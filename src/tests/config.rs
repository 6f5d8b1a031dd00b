//! The example configuration shows every key with its real default.

use crate::platform::config::Config;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../sunbid.example.toml");

#[test]
fn the_example_configuration_is_the_default_one() {
    assert_eq!(toml::from_str::<Config>(EXAMPLE).unwrap(), Config::default());
}

#[test]
fn every_key_of_the_example_names_its_environment_variable() {
    let keys: Vec<&str> = EXAMPLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys.len(), 25);
    for key in keys {
        let variable = format!("SUNBID_{}", key.to_uppercase());
        assert!(EXAMPLE.contains(&variable), "{variable}");
        let value = |name: &str| {
            (name == variable).then(|| {
                if key.contains("demo") || key.contains("secure") { "true".into() } else { "12".into() }
            })
        };
        let changed = Config::load(Path::new("/nonexistent/sunbid.toml"), value).unwrap();
        assert_ne!(changed, Config::default(), "{variable} changes nothing");
    }
}

#[test]
fn a_misspelt_key_or_value_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sunbid.toml");
    std::fs::write(&file, "lisen = \"x\"").unwrap();
    assert!(Config::load(&file, |_| None).unwrap_err().chain().contains("lisen"));
    let wrong = |name: &str| (name == "SUNBID_DEMO").then(|| "perhaps".to_owned());
    assert!(Config::load(Path::new("/nonexistent"), wrong).unwrap_err().chain().contains("SUNBID_DEMO"));
}

#[test]
fn a_moved_port_moves_the_public_address_unless_that_is_set() {
    let moved = |name: &str| (name == "SUNBID_LISTEN").then(|| "127.0.0.1:9999".to_owned());
    let config = Config::load(Path::new("/nonexistent"), moved).unwrap();
    assert_eq!(config.public_url, "http://127.0.0.1:9999");
    let both = |name: &str| match name {
        "SUNBID_LISTEN" => Some("0.0.0.0:80".to_owned()),
        "SUNBID_PUBLIC_URL" => Some("https://trade.example".to_owned()),
        _ => None,
    };
    assert_eq!(Config::load(Path::new("/nonexistent"), both).unwrap().public_url, "https://trade.example");
}

#[test]
fn every_address_of_the_machine_is_no_public_address() {
    for (listen, public) in [
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:9000", "http://127.0.0.1:9000"),
        ("[::]:9000", "http://127.0.0.1:9000"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("trade.example:80", "http://trade.example:80"),
    ] {
        let env = |name: &str| (name == "SUNBID_LISTEN").then(|| listen.to_owned());
        assert_eq!(Config::load(Path::new("/nonexistent"), env).unwrap().public_url, public, "{listen}");
    }
}
