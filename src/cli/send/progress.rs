//! How far the sending is: a line that is written over again on a terminal, a line for every tenth part elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Shown at most so often on a terminal.
const EVERY: Duration = Duration::from_millis(500);

pub(super) struct Progress {
    size: u64,
    sent: u64,
    /// Where this connection began, and when.
    from: (u64, Instant),
    shown: Option<Instant>,
    tenth: u64,
    terminal: bool,
}

impl Progress {
    pub fn new(size: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { size, sent: 0, from: (0, Instant::now()), shown: None, tenth: 0, terminal }
    }

    /// A connection goes on from `have`.
    pub fn begin(&mut self, have: u64) {
        self.sent = have;
        self.from = (have, Instant::now());
        self.say(&format!("{} of {} have arrived", size_text(have), size_text(self.size)));
    }

    /// Bytes that the server has, as far as is known.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The server has this much.
    pub fn reached(&mut self, have: u64) {
        self.sent = have;
        self.show(have);
    }

    /// This much is on its way.
    pub fn show(&mut self, on_its_way: u64) {
        let tenth = on_its_way.saturating_mul(10) / self.size.max(1);
        let due =
            if self.terminal { self.shown.is_none_or(|at| at.elapsed() > EVERY) } else { tenth > self.tenth };
        if !due {
            return;
        }
        (self.shown, self.tenth) = (Some(Instant::now()), tenth);
        let line = line(on_its_way, self.size, on_its_way.saturating_sub(self.from.0), self.from.1.elapsed());
        if self.terminal {
            eprint!("\r{line}\x1b[K");
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// Something to know, on a line of its own.
    pub fn say(&mut self, what: &str) {
        if self.terminal && self.shown.take().is_some() {
            eprintln!();
        }
        eprintln!("{what}");
    }

    /// All of it has arrived.
    pub fn end(&mut self) {
        self.say("all of it has arrived; handing in");
    }
}

/// `45.2 %  1.2 GiB of 2.1 GiB  35.2 MiB/s  0:31 left`; `moved` bytes in `took`.
fn line(sent: u64, size: u64, moved: u64, took: Duration) -> String {
    let permille = u128::from(sent) * 1000 / u128::from(size.max(1));
    let mut line =
        format!("{}.{} %  {} of {}", permille / 10, permille % 10, size_text(sent), size_text(size));
    let speed = u128::from(moved) * 1_000_000 / took.as_micros().max(1);
    if speed > 0 {
        let left = u128::from(size.saturating_sub(sent)).div_ceil(speed);
        let speed = size_text(u64::try_from(speed).unwrap_or(u64::MAX));
        line.push_str(&format!("  {speed}/s  {} left", duration_text(left)));
    }
    line
}

/// A size for people, with one digit.
fn size_text(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit < units.len() - 1 {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, units.get(unit).unwrap_or(&""))
}

fn duration_text(seconds: u128) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::{duration_text, line, size_text};
    use std::time::Duration;

    #[test]
    fn the_line_says_part_speed_and_time_left() {
        let mib = 1 << 20;
        assert_eq!(
            line(512 * mib, 2048 * mib, 100 * mib, Duration::from_secs(4)),
            "25.0 %  512.0 MiB of 2.0 GiB  25.0 MiB/s  1:02 left"
        );
        assert_eq!(line(0, 2048, 0, Duration::ZERO), "0.0 %  0 B of 2.0 KiB");
        assert_eq!(size_text(1536), "1.5 KiB");
        assert_eq!(size_text(u64::MAX / 10), "1677721.5 TiB");
        assert_eq!(duration_text(3 * 3600 + 61), "3:01:01");
    }
}
