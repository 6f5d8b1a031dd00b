//! The log under the eyes of an implementation that is not ours: `golang.org/x/mod/sumdb/{note,tlog}`, which
//! Debian's `golang-go` brings along. `tests/foreign/logclient` is our small program around those packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::MemoryLog;
use crate::ledger::checkpoint::Signer;
use crate::ledger::leaf;
use crate::ledger::note::SignerKey;
use crate::ledger::proof::{Opening, Receipt};
use crate::ledger::tiles::{Resource, bundle};
use crate::ledger::tree::{self, Hash, TileSource};
use crate::platform::digest::{b64, sha256};

const ORIGIN: &str = "log.example/sunbid";
const SIZE: u64 = 30_123;
const OLD: u64 = 17_001;

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())).map(Result::unwrap)
    {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_tree(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn output_of(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|e| {
        panic!("cannot run {:?}: {e}; install Go with: apt-get install golang-go", command.get_program())
    });
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Builds the Go program once, from our source and the packages inside the Go installation.
pub(crate) fn client() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/logclient"), folder.path());
        let root = output_of(Command::new("go").args(["env", "GOROOT"]));
        let vendored = Path::new(root.trim()).join("src/cmd/vendor/golang.org/x");
        let beside = folder.path().join("x");
        for package in ["mod/sumdb/note", "mod/sumdb/tlog", "crypto/ed25519"] {
            if vendored.join(package).exists() {
                copy_tree(&vendored.join(package), &beside.join(package));
            }
        }
        for module in ["mod", "crypto"] {
            fs::create_dir_all(beside.join(module)).unwrap();
            let text = format!("module golang.org/x/{module}\n\ngo 1.19\n");
            let needs = if module == "mod" { "\nrequire golang.org/x/crypto v0.0.0\n" } else { "" };
            fs::write(beside.join(module).join("go.mod"), text + needs).unwrap();
        }
        let program = folder.path().join("logclient");
        let mut build = Command::new("go");
        build.args(["build", "-mod=mod", "-o"]).arg(&program).arg(".").current_dir(folder.path());
        build.envs([("GOPROXY", "off"), ("GOFLAGS", ""), ("GOWORK", "off"), ("GO111MODULE", "on")]);
        build.env("GOSUMDB", "off").env("GOTOOLCHAIN", "local").env("GOPATH", folder.path().join("gopath"));
        output_of(&mut build);
        (folder, program)
    });
    program
}

fn object(i: u64) -> Vec<u8> {
    format!("object {i}").into_bytes()
}

fn blind(i: u64) -> [u8; 32] {
    sha256(&[b"blind", &i.to_be_bytes()])
}

fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes a log of [`SIZE`] leaves as a folder of files, with an older checkpoint, the consistency proof and a
/// receipt from the older state beside it.
struct Written {
    folder: tempfile::TempDir,
    key: String,
}

const RECEIPT_OF: u64 = 12_345;

fn written() -> Written {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let entries: Vec<Vec<u8>> =
        (0..SIZE).map(|i| leaf::entry(&blind(i), (i % 251) as u8, &object(i))).collect();
    let hashes: Vec<Hash> = entries.iter().map(|entry| tree::leaf_hash(entry)).collect();
    let log = MemoryLog::with(&hashes);
    let mut signer = Signer::new(SignerKey::generate(ORIGIN).unwrap());

    let old = signer.sign(OLD, tree::root(&log, OLD).unwrap(), &[]).unwrap();
    let proof = tree::consistency_proof(&log, OLD, SIZE).unwrap();
    write(at, "old", old.to_string());
    write(at, "consistency", proof.iter().map(|hash| b64(hash) + "\n").collect::<String>());
    let checkpoint = signer.sign(SIZE, tree::root(&log, SIZE).unwrap(), &proof).unwrap();
    write(at, "checkpoint", checkpoint.to_string());

    let opening = Opening {
        object_hash: sha256(&[&object(RECEIPT_OF)]),
        kind: (RECEIPT_OF % 251) as u8,
        blind: blind(RECEIPT_OF),
    };
    let proof = tree::inclusion_proof(&log, RECEIPT_OF, OLD).unwrap();
    let receipt = Receipt { opening, index: RECEIPT_OF, proof, checkpoint: old };
    write(at, "receipt.tlog-proof", receipt.to_string());
    write(at, "object", object(RECEIPT_OF));

    for level in 0..3 {
        for index in 0..tree::hashes_at(level, SIZE).div_ceil(256) {
            let width = tree::width_of(level, index, SIZE);
            let tile = log.tile(level, index, width).unwrap();
            write(at, &Resource::Tile { level, index, width }.path(), tile);
        }
    }
    for (index, chunk) in entries.chunks(256).enumerate() {
        let resource = Resource::Entries { index: index as u64, width: chunk.len() as u16 };
        write(at, &resource.path(), bundle(chunk.iter().map(Vec::as_slice)).unwrap());
    }
    let key = signer.verifier().to_string();
    Written { folder, key }
}

/// What the Go program says of the log: whether it is content, and its words.
fn judge(log: &Written) -> (bool, String) {
    let at = |name: &str| log.folder.path().join(name);
    let done = Command::new(client())
        .args(["-key", &log.key, "-log"])
        .arg(log.folder.path())
        .arg("-old")
        .arg(at("old"))
        .arg("-proof")
        .arg(at("consistency"))
        .arg("-object")
        .arg(at("object"))
        .arg("-receipt")
        .arg(at("receipt.tlog-proof"))
        .output()
        .unwrap();
    (done.status.success(), String::from_utf8(done.stdout).unwrap())
}

#[test]
fn gos_own_log_packages_accept_our_log_and_reject_every_tampering() {
    let log = written();
    let (content, words) = judge(&log);
    assert!(content, "{words}");
    for line in [
        "ok checkpoint of 30123 leaves",
        "ok tiles: root and 97 inclusion proofs",
        "ok entries: 30123 hashed",
        "ok consistency from 17001 to 30123",
        "ok receipt for leaf 12345",
    ] {
        assert!(words.contains(line), "{line:?} is missing in:\n{words}");
    }
    // one bit, one file at a time; each must be found, and named by the step that looks at it
    for (file, at, step) in [
        ("checkpoint", 22, "checkpoint"),
        ("checkpoint", 130, "checkpoint"),
        ("tile/0/044", 999, "tiles"),
        ("tile/1/000.p/117", 44 * 32, "tiles"),
        ("tile/entries/044", 4000, "entries"),
        ("tile/entries/117.p/171", 11, "entries"),
        ("old", 22, "consistency"),
        ("consistency", 100, "consistency"),
        ("receipt.tlog-proof", 40, "receipt"),
        ("receipt.tlog-proof", 300, "receipt"),
        ("object", 0, "receipt"),
    ] {
        let path = log.folder.path().join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let (content, words) = judge(&log);
        assert!(!content, "byte {at} of {file} may change unseen:\n{words}");
        assert!(words.contains(&format!("FAIL {step}")), "byte {at} of {file}:\n{words}");
        fs::write(&path, good).unwrap();
    }
    assert!(judge(&log).0);
}
