//! A disk of a few megabytes that really gets full: a file system in memory, mounted where only this test's own processes
//! see it (`unshare`, `nsenter` of util-linux; no privileges are needed where user namespaces are allowed).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mounted disk; gone with this value.
pub struct SmallDisk {
    keeper: Child,
    folder: tempfile::TempDir,
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

impl SmallDisk {
    /// A disk of this many MiB.
    pub fn of(mebibytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Command::new("unshare");
        if !is_root() {
            keeper.args(["--user", "--map-root-user"]);
        }
        let script = format!(
            "mount -t tmpfs -o size={mebibytes}m tmpfs \"$1\" && mkdir \"$1/disk\" && echo ready && exec cat"
        );
        let keeper = keeper.args(["--mount", "sh", "-c", &script, "sh"]).arg(folder.path());
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare runs");
        let mut line = String::new();
        BufReader::new(keeper.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "a file system can not be mounted: user namespaces are switched off");
        Self { keeper, folder }
    }

    /// Where processes that see the disk find it.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Where this process finds it.
    pub fn seen(&self) -> PathBuf {
        let inside = self.path();
        let inside = inside.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.keeper.id().to_string()).join("root").join(inside)
    }

    /// A command whose process sees the disk, and is `program` itself once it runs.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.keeper.id())).arg("--mount");
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Bytes that may still be written, and that are.
    pub fn free_and_used(&self) -> (u64, u64) {
        let disk = rustix::fs::statvfs(self.seen()).unwrap();
        (disk.f_bavail * disk.f_frsize, (disk.f_blocks - disk.f_bfree) * disk.f_frsize)
    }

    /// A copy of all that is on it, where every program finds it.
    pub fn copy(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.seen().join(".")).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        folder
    }

    /// Makes it larger or smaller.
    pub fn resize(&self, mebibytes: u64) {
        let size = format!("remount,size={mebibytes}m");
        let done = self.command(Path::new("mount")).args(["-o", &size]).arg(self.folder.path()).status();
        assert!(done.unwrap().success());
    }

    /// Makes it little larger than what is on it: who writes has filled it soon. Some room is left, because they write at this
    /// very moment.
    pub fn shrink(&self) {
        self.resize(self.free_and_used().1.div_ceil(1 << 20) + 96);
    }

    /// Fills it to its last byte.
    pub fn fill(&self) {
        let mut ballast = std::fs::File::create(self.seen().join("ballast")).unwrap();
        for size in [1 << 20, 4096, 1] {
            while ballast.write_all(&vec![7; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn relieve(&self) {
        std::fs::remove_file(self.seen().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
