//! What the verifier says: one line for each check.

use std::fmt;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Holds,
    /// The evidence contradicts itself or the log.
    Broken,
    /// The bundle does not have what the check would need; nothing is shown either way.
    Absent,
    /// A sentence that explains lines above it to a reader; judges nothing.
    Remark,
}

/// One line of the verifier's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub outcome: Outcome,
    /// Name of the check: the same word for the same question in every report.
    pub check: &'static str,
    pub words: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Holds => "ok  ",
            Outcome::Broken => "FAIL",
            Outcome::Absent => "--  ",
            Outcome::Remark => "note",
        };
        write!(f, "{mark} {:<12} {}", self.check, self.words)
    }
}

/// All lines of one verification, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    lines: Vec<Line>,
}

impl Findings {
    pub fn holds(&mut self, check: &'static str, words: impl Into<String>) {
        self.add(Outcome::Holds, check, words.into());
    }

    pub fn broken(&mut self, check: &'static str, words: impl Into<String>) {
        self.add(Outcome::Broken, check, words.into());
    }

    pub fn absent(&mut self, check: &'static str, words: impl Into<String>) {
        self.add(Outcome::Absent, check, words.into());
    }

    /// Explains lines that were found before.
    pub fn remark(&mut self, check: &'static str, words: impl Into<String>) {
        self.add(Outcome::Remark, check, words.into());
    }

    /// One line: `holds` if there is nothing to complain about, otherwise one line for each complaint.
    pub fn judge(&mut self, check: &'static str, complaints: Vec<String>, holds: impl Into<String>) {
        if complaints.is_empty() {
            self.holds(check, holds);
        }
        for words in complaints {
            self.broken(check, words);
        }
    }

    fn add(&mut self, outcome: Outcome, check: &'static str, words: String) {
        self.lines.push(Line { outcome, check, words });
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether nothing is broken and at least something was checked.
    pub fn all_hold(&self) -> bool {
        let any = |outcome| self.lines.iter().any(|line| line.outcome == outcome);
        any(Outcome::Holds) && !any(Outcome::Broken)
    }

    /// The lines that are broken.
    pub fn broken_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.outcome == Outcome::Broken)
    }
}
