//! The real program in a process of its own, on the database, files and keys of a test house. It is ended by its own id.

use super::small_disk::SmallDisk;
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::demo::clock;
use crate::platform::config::Config;
use crate::platform::moment::{Clock, Moment, SECOND};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program under test, built beside this test by `cargo build` (bin/test does it).
pub fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("sunbid");
    assert!(path.exists(), "{} is missing: run cargo build first", path.display());
    path
}

/// A loopback address that was free a moment ago.
pub fn free_address() -> String {
    format!("127.0.0.1:{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
}

/// A running server.
pub struct Server {
    child: Child,
    pub address: String,
    pub metrics: String,
}

impl Server {
    pub fn start(house: &TestHouse) -> Self {
        Self::start_with(house, Stdio::null(), free_address())
    }

    /// Starts it with its most talkative log in `file`.
    pub fn start_logging(house: &TestHouse, file: &Path) -> Self {
        Self::start_with(house, File::create(file).unwrap().into(), free_address())
    }

    /// As [`Server::start_logging`], with its metrics on this address.
    pub fn start_beside(house: &TestHouse, file: &Path, metrics: &str) -> Self {
        Self::start_with(house, File::create(file).unwrap().into(), metrics.to_owned())
    }

    /// Starts it where it sees `disk`, with these settings.
    pub fn start_on(disk: &SmallDisk, config: &Config) -> Self {
        Self::start_as(disk.command(&program()), config, Stdio::null(), free_address(), free_address())
    }

    /// As [`Server::start_on`], on an address where one has run before.
    pub fn again_on(disk: &SmallDisk, config: &Config, address: &str) -> Self {
        Self::start_as(disk.command(&program()), config, Stdio::null(), free_address(), address.to_owned())
    }

    /// Starts it with these settings.
    pub fn start_configured(config: &Config) -> Self {
        Self::start_as(Command::new(program()), config, Stdio::null(), free_address(), free_address())
    }

    fn start_with(house: &TestHouse, log: Stdio, metrics: String) -> Self {
        Self::start_as(Command::new(program()), house.door().config(), log, metrics, free_address())
    }

    fn start_as(mut command: Command, config: &Config, log: Stdio, metrics: String, address: String) -> Self {
        let child = command
            .arg("serve")
            .current_dir(std::env::temp_dir())
            .env("SUNBID_LISTEN", &address)
            .env("SUNBID_METRICS", &metrics)
            .env("SUNBID_DATABASE_URL", &config.database_url)
            .env("SUNBID_FILES", &config.files)
            .env("SUNBID_KEYS", &config.keys)
            .env("SUNBID_ORIGIN", &config.origin)
            .env("SUNBID_DISK_RESERVE_BYTES", config.disk_reserve_bytes.to_string())
            .env("SUNBID_UPLOAD_IDLE_SECONDS", config.upload_idle_seconds.to_string())
            .env("SUNBID_UPLOAD_MEMORY_BYTES", config.upload_memory_bytes.to_string())
            .envs(super::files::S3_ACCESS)
            .env("SUNBID_DEMO", "true")
            .env("SUNBID_LOG", "debug")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { child, address, metrics };
        for _ in 0..600 {
            if std::net::TcpStream::connect(&server.address).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server does not answer on {}", server.address);
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The status of a page that needs no sign-in.
    pub fn status(&self, path: &str) -> u16 {
        super::browser::Browser::at(&self.base()).get(path).status
    }

    /// [`memory_peak`] of the process.
    pub fn memory_peak(&self) -> u64 {
        memory_peak(self.child.id()).unwrap()
    }

    /// The hardest end: no warning, no clean-up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A test that fails leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory that a running process ever had in real use, in KiB, beside what it has read of program files: `VmHWM`
/// without `RssFile`. A program that is built for tests is itself some 40 MB, before it does anything.
pub fn memory_peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    Some(value("VmHWM:")?.saturating_sub(value("RssFile:")?))
}

/// `sunbid log rotate` on the log of a house.
pub fn rotate_command(house: &TestHouse) -> Command {
    let config = house.door().config();
    let mut command = Command::new(program());
    command
        .args(["log", "rotate"])
        .current_dir(std::env::temp_dir())
        .env("SUNBID_DATABASE_URL", &config.database_url)
        .env("SUNBID_FILES", &config.files)
        .env("SUNBID_KEYS", &config.keys)
        .env("SUNBID_ORIGIN", &config.origin)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Has the program's clock, which runs, begin at `at`.
pub fn clock_begins_at(house: &TestHouse, at: Moment) {
    let (from, real) = (house.door().now(), Clock::real().now());
    let offset = at.micros() - real.micros() - SECOND;
    let who = house.member(Role::Centre, "clockmaker").who;
    house.act(&who, move |act| clock::record_move(act, true, offset, from.plus(SECOND))).unwrap();
}
