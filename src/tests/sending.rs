//! `sunbid send`: a sealed bid goes from a bidder's machine to its receipt, whatever breaks on the way: the cable, the server,
//! the sender, the disk.

use super::cable::Cable;
use super::program::{Server, clock_begins_at, memory_peak, program};
use super::small_disk::SmallDisk;
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::cli::send;
use crate::ledger::proof::Receipt;
use crate::ledger::tree;
use crate::opening::testing::empty_box;
use crate::platform::canonical::jcs;
use crate::platform::config::Config;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::project::rules::Lot;
use crate::project::testing::Shape;
use crate::sealed_bid::store::{counted, measured, parts};
use crate::sealed_bid::testing::{Offer, parameters, seal_offer};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::manifest::Manifest;
use crate::sealing::stream::SLICE;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const MIB: u64 = 1 << 20;
const PASSWORD: &str = "correct horse";
/// Most memory of the command line, in KiB.
const MEMORY_MAX: u64 = 64 << 10;

/// Gigabytes of disk and memory are for one test at a time.
pub(super) static LARGE: Mutex<()> = Mutex::new(());

/// A centre whose files lie on a small disk, and a bidder with key file and parameters in `folder`.
pub(super) struct Place {
    pub house: TestHouse,
    lot: Id<Lot>,
    pub config: Config,
    pub disk: SmallDisk,
    pub folder: tempfile::TempDir,
}

impl Place {
    pub fn with_disk(mebibytes: u64) -> Self {
        let house = TestHouse::new(Engine::Sqlite);
        let filled = empty_box(&house, &Shape::default());
        let bidder = house.member(Role::Bidder, "bidder");
        house.at("2026-03-20 10:00:00");
        let folder = tempfile::tempdir().unwrap();
        let sealing = parameters(&house, &bidder, filled.lot, EnvelopeKind::Single);
        std::fs::write(folder.path().join("parameters.json"), jcs(&sealing)).unwrap();
        std::fs::write(folder.path().join("bidder.p12"), bidder.key_file(PASSWORD)).unwrap();
        std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        clock_begins_at(&house, house.door().now());
        let disk = SmallDisk::of(mebibytes);
        let files = disk.path().join("files").display().to_string();
        let config = Config { files, disk_reserve_bytes: 8 * MIB, ..house.door().config().clone() };
        Self { house, lot: filled.lot, config, disk, folder }
    }

    /// `count` files of `size` bytes each, all different, that take no room on the disk.
    pub fn make_files(&self, count: usize, size: u64) {
        std::fs::create_dir(self.folder.path().join("files")).unwrap();
        for number in 1..=count {
            let mut file = File::create(self.folder.path().join(format!("files/{number:04}.pdf"))).unwrap();
            write!(file, "%PDF-1.7 {number}").unwrap();
            file.set_len(size).unwrap();
        }
    }

    /// Seals all of them with the program; gives the most memory that it needed, in KiB.
    fn seal(&self) -> u64 {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(program());
        command.arg("seal").arg("--parameters").arg(at("parameters.json"));
        command.arg("--p12").arg(at("bidder.p12")).env("SUNBID_P12_PASSWORD", PASSWORD);
        for field in ["price=9500000.00", "period_days=180", "quality=合格", "manager=王工"] {
            command.args(["--field", field]);
        }
        command.arg("--out").arg(at("sealed"));
        let mut files: Vec<_> =
            std::fs::read_dir(at("files")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut sealing = command.args(files).stdout(Stdio::null()).spawn().unwrap();
        let mut peak = 0;
        let status = loop {
            if let Some(status) = sealing.try_wait().unwrap() {
                break status;
            }
            // of a process that has ended meanwhile there is nothing to read
            peak = memory_peak(sealing.id()).unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "sealing ended with {status}");
        peak
    }

    fn sending(&self, server: &str, log: &str) -> Child {
        let at = |name: &str| self.folder.path().join(name);
        Command::new(program())
            .args(["send", "--server", server, "--login", "bidder", "--password-file"])
            .arg(at("password"))
            .arg(at("sealed"))
            .stdout(Stdio::null())
            .stderr(File::create(at(log)).unwrap())
            .spawn()
            .unwrap()
    }

    fn said(&self, log: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(log)).unwrap()
    }

    /// What lies on the disk is the bid that was handed in, to its last byte.
    pub fn check_bytes(&self) -> u64 {
        let (door, root) = (self.house.door(), self.disk.seen().join("files"));
        let bids =
            door.read(|db| counted(db, door.vault(), self.lot, EnvelopeKind::Single, u64::MAX >> 1)).unwrap();
        assert_eq!(bids.len(), 1);
        let parts = door.read(|db| parts(db, bids[0].upload)).unwrap();
        for part in &parts {
            let bytes = std::fs::read(root.join(&part.file)).unwrap();
            let leaves: Vec<_> = bytes.chunks(SLICE).map(tree::leaf_hash).collect();
            assert_eq!(leaves, part.leaves);
        }
        assert_eq!(measured(&parts), bids[0].manifest.measured());
        bids[0].manifest.ct.size.0
    }

    /// The receipt that lies beside the bid proves it.
    fn check_receipt(&self) {
        let sealed = self.folder.path().join("sealed");
        let manifest = Manifest::read(&std::fs::read(sealed.join("bid.manifest.json")).unwrap()).unwrap();
        let proof = std::fs::read(sealed.join("bid.tlog-proof")).unwrap();
        let key = self.house.door().log_key().clone();
        let receipt = Receipt::parse(&proof).unwrap();
        receipt.verify(&manifest.message(), 70, key.name(), std::slice::from_ref(&key)).unwrap();
    }
}

/// Waits until `done`, as long as `child` runs.
fn until(child: &mut Child, what: &str, done: impl Fn() -> bool) {
    while !done() {
        assert!(child.try_wait().unwrap().is_none(), "the sender ended before {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn size_of(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

#[test]
fn two_gigabytes_in_a_thousand_files_go_from_the_command_line_through_everything_that_breaks() {
    let _alone = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::with_disk(2700);
    place.make_files(1000, 2_147_484);
    let sealing = place.seal();
    assert!(sealing < MEMORY_MAX, "sealing took {sealing} KiB of memory");
    let size = size_of(&place.folder.path().join("sealed/bid.sealed"));
    assert!(size > 2 << 30);

    let mut server = Server::start_on(&place.disk, &place.config);
    let address = server.address.clone();
    let cable = Cable::to(&address, &[size / 20, size / 10, size / 5]);
    let base = format!("http://{}", cable.address);
    let mut sender = place.sending(&base, "first.log");
    until(&mut sender, "the third break", || cable.breaks_left() == 0 && cable.sent() > size * 3 / 10);
    let early = server.memory_peak();
    // the server is gone in the middle, and comes back
    server.kill();
    std::thread::sleep(Duration::from_secs(1));
    server = Server::again_on(&place.disk, &place.config, &address);
    until(&mut sender, "half of it", || cable.sent() > size / 2);
    // the sender is gone, and is started again
    let first = memory_peak(sender.id()).unwrap();
    sender.kill().unwrap();
    sender.wait().unwrap();
    assert!(place.said("first.log").contains("trying again"), "{}", place.said("first.log"));
    let mut sender = place.sending(&base, "second.log");
    until(&mut sender, "most of it", || cable.sent() > size * 7 / 10);
    // the disk is full, and has room again
    place.disk.resize(size * 3 / 4 / MIB);
    until(&mut sender, "the full disk", || place.said("second.log").contains("磁盘已满"));
    std::thread::sleep(Duration::from_secs(1));
    place.disk.resize(2700);
    until(&mut sender, "nearly all", || cable.sent() > size * 19 / 20);
    let (late, second) = (server.memory_peak(), memory_peak(sender.id()).unwrap());
    assert!(sender.wait().unwrap().success(), "{}", place.said("second.log"));
    place.check_receipt();

    place.check_bytes();
    let again = cable.sent() - size;
    println!(
        "sealing {sealing} KiB, sending {first} and {second} KiB, server {early} and {late} KiB, {again} bytes twice"
    );
    assert!(first < MEMORY_MAX && second < MEMORY_MAX, "sending took {first} and {second} KiB of memory");
    assert!(late < 256 << 10 && late < early + (64 << 10), "the server took {early}, then {late} KiB");
    // what the server had not acknowledged when a break came is all that goes again
    assert!(again < 6 * 64 * MIB, "{again} bytes went twice");
    // handing in again is no second bid
    let mut sender = place.sending(&base, "third.log");
    let before = cable.sent();
    assert!(sender.wait().unwrap().success(), "{}", place.said("third.log"));
    assert!(cable.sent() - before < MIB, "nothing is uploaded again");
    place.check_receipt();
    server.kill();
}

#[test]
fn what_the_platform_refuses_is_told_in_its_words_and_ends_the_sending() {
    let place = Place::with_disk(64);
    place.make_files(2, 3_000_000);
    place.seal();
    let server = Server::start_on(&place.disk, &place.config);
    let sent = |log: &str| place.sending(&server.base(), log).wait().unwrap().success();
    std::fs::write(place.folder.path().join("password"), "not this one\n").unwrap();
    assert!(!sent("password.log"));
    assert!(place.said("password.log").contains("密码"), "{}", place.said("password.log"));
    std::fs::write(place.folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    let manifest = place.folder.path().join("sealed/bid.manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let other = text.replacen("\"created\":\"2026", "\"created\":\"2025", 1);
    assert_ne!(other, text);
    std::fs::write(&manifest, other).unwrap();
    assert!(!sent("signature.log"), "what was altered after it was signed is refused");
    assert!(place.said("signature.log").contains("签名"), "{}", place.said("signature.log"));
    std::fs::write(&manifest, text).unwrap();
    assert!(sent("right.log"), "{}", place.said("right.log"));
    place.check_receipt();
    server.kill();
}

/// What an older program sealed is not even uploaded: nothing is asked of any platform.
#[test]
fn a_bid_without_share_commitments_is_not_sent() {
    let (house, folder) = (TestHouse::new(Engine::Sqlite), tempfile::tempdir().unwrap());
    let filled = empty_box(&house, &Shape::default());
    let bidder = house.member(Role::Bidder, "bidder");
    let given = parameters(&house, &bidder, filled.lot, EnvelopeKind::Single);
    let (bid, ciphertext) = seal_offer(&house, &bidder, &given, &Offer::priced("1.00"));
    let mut manifest = bid.manifest;
    manifest.lock.shares = None;
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    put("bid.manifest.json", &jcs(&manifest));
    put("bid.signature.json", &jcs(&bid.signature));
    put("bid.sealed", &ciphertext);
    let args = send::Args {
        server: "http://127.0.0.1:9".into(),
        login: "bidder".into(),
        password_file: None,
        patience: 0,
        sealed: folder.path().to_owned(),
    };
    let why = send::run(&args).unwrap_err().to_string();
    assert!(why.contains("sealed by an older program"), "{why}");
}
