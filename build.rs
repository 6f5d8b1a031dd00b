#![allow(clippy::expect_used)] // a build script stops by panicking
//! Embeds the browser's files: every style sheet of `browser/css` joined in order of name, and every script that
//! esbuild wrote to `browser/dist`, and the icon. Also has cargo look at the migrations and locales, which macros embed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    for watched in ["browser/css", "browser/dist", "browser/icon.svg", "migrations", "locales", "rulebooks"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let mut css = String::new();
    for sheet in files(&root.join("browser/css"), "css") {
        css.push_str(&std::fs::read_to_string(sheet).expect("a style sheet is UTF-8"));
        css.push('\n');
    }
    std::fs::write(out.join("main.css"), css).expect("OUT_DIR can be written");
    let scripts = files(&root.join("browser/dist"), "js");
    if scripts.is_empty() {
        let missing =
            "browser/dist is empty: run `npm ci && npm run build` in browser/ (bin/run and bin/test do it)";
        assert!(std::env::var("PROFILE").as_deref() != Ok("release"), "{missing}");
        println!("cargo:warning={missing}");
    }
    let mut table = String::from("pub static ASSETS: &[(&str, &str, &[u8])] = &[\n");
    let css_file = out.join("main.css");
    let _ = writeln!(table, "(\"main.css\", \"text/css; charset=utf-8\", include_bytes!({css_file:?})),");
    let icon = root.join("browser/icon.svg");
    let _ = writeln!(table, "(\"icon.svg\", \"image/svg+xml\", include_bytes!({icon:?})),");
    for script in scripts {
        let name = script.file_name().expect("a file").to_string_lossy().into_owned();
        let _ =
            writeln!(table, "({name:?}, \"text/javascript; charset=utf-8\", include_bytes!({script:?})),");
    }
    table.push_str("];\n");
    std::fs::write(out.join("assets.rs"), table).expect("OUT_DIR can be written");
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|list| list.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    found.retain(|path| path.extension().is_some_and(|e| e == extension));
    found.sort();
    found
}
