//! What must be true after every step. Nothing here asks the code that it checks: the log's tree is built anew from its
//! leaves by RFC 6962's own recursion, receipts are proven by RFC 9162's own loop, counts come from what bidders did.

use super::bidders::HOSTILE_CANARY;
use super::hall::Closed;
use super::world::{Given, World};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::Note;
use crate::ledger::proof::Receipt;
use crate::ledger::store as log;
use crate::ledger::tree;
use crate::opening::store;
use crate::platform::database::testing::{ask, everything};
use crate::platform::digest::sha256;
use crate::platform::refusal::Fault;
use crate::project::phase::Phase;
use crate::project::testing::facts;
use base64::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What was true of the log and the files before, and must stay so.
#[derive(Default)]
pub struct Seen {
    /// Ids of the entries, by their places.
    ids: Vec<String>,
    /// Root of the first n leaves, by n.
    pub roots: Vec<[u8; 32]>,
    /// Files whose bytes were searched, with their sizes.
    files: BTreeMap<PathBuf, u64>,
    /// How many receipts were proven whole.
    receipts: usize,
}

impl Seen {
    /// Has every file searched again.
    pub fn forget_files(&mut self) {
        self.files.clear();
    }
}

impl World {
    /// Every promise, now.
    pub fn check(&mut self) {
        self.the_log_only_grows();
        self.every_receipt_proves();
        self.everybodys_acts_are_all_there();
        self.phase_follows_time();
        self.the_box_holds_what_was_handed_in();
        self.nothing_can_be_read();
        self.the_money_is_where_it_was();
        self.no_key_was_passed_over();
        self.the_deadline_is_where_it_belongs();
    }

    fn the_log_only_grows(&mut self) {
        let places = "SELECT CAST(log_index AS TEXT) || ' ' || id AS said FROM ledger_entry \
                      WHERE log_index IS NOT NULL ORDER BY log_index";
        let (head, leaves, placed) = self
            .house()
            .door()
            .read(|db| {
                let head = log::head(db)?.expect("the log has entries");
                Ok::<_, Fault>((head.clone(), log::leaves(db, 0, head.size)?, ask(db, places.into())))
            })
            .unwrap();
        assert_eq!(
            (leaves.len(), placed.len()),
            (head.size as usize, head.size as usize),
            "places are not whole"
        );
        let mut ids = Vec::new();
        for (at, line) in placed.iter().enumerate() {
            let (index, id) = line.split_once(' ').unwrap();
            assert_eq!(index, at.to_string(), "a place twice, or none");
            ids.push(id.to_owned());
        }
        let roots = roots_of(&leaves);
        assert!(ids.starts_with(&self.seen.ids), "an entry moved or vanished");
        assert!(roots.starts_with(&self.seen.roots), "the log was rewritten");
        assert_eq!(roots[leaves.len()], head.root, "the root is not that of the leaves");
        let key = self.house().door().log_key().clone();
        let note = Checkpoint::open(head.note.as_bytes(), key.name(), std::slice::from_ref(&key)).unwrap().0;
        assert_eq!((note.size, note.root), (head.size, head.root), "the note says something else");
        (self.seen.ids, self.seen.roots) = (ids, roots);
    }

    /// Each receipt that was ever given: its leaf is under its checkpoint, and that checkpoint is of this very log.
    fn every_receipt_proves(&mut self) {
        let key = self.house().door().log_key().clone();
        for (at, given) in self.given.iter().enumerate() {
            let receipt = Receipt::parse(given.text.as_bytes()).unwrap();
            let (size, root) = stated(&receipt.checkpoint);
            assert!((size as usize) < self.seen.roots.len(), "a receipt over a log that is no more");
            assert_eq!(root, self.seen.roots[size as usize], "a receipt over another log");
            assert_eq!(self.seen.ids[receipt.index as usize], given.entry.to_string(), "another's place");
            if let Some(object) = &given.object {
                assert_eq!(receipt.opening.object_hash, sha256(&[object]));
            }
            let leaf = receipt.opening.leaf_hash();
            assert_eq!(climb(leaf, receipt.index, size, &receipt.proof), Some(root), "no way to the root");
            // the signature costs: whole once, and the old ones again at the end
            if at >= self.seen.receipts {
                let hash = receipt.opening.object_hash;
                receipt.verify_hash(&hash, given.kind, key.name(), std::slice::from_ref(&key)).unwrap();
            }
        }
        self.seen.receipts = self.given.len();
        self.checkpoints_are_consistent();
    }

    /// The proof that the platform serves, from each checkpoint of a receipt to the newest.
    fn checkpoints_are_consistent(&self) {
        let newest = self.seen.roots.len() - 1;
        let sizes: BTreeSet<u64> = self.given.iter().map(|given: &Given| size_of(&given.text)).collect();
        let proofs = self.house().door().read(|db| {
            let tiles = log::Tiles::new(db);
            sizes
                .iter()
                .map(|size| Ok((*size, tree::consistency_proof(&tiles, *size, newest as u64)?)))
                .collect::<Result<Vec<_>, Fault>>()
        });
        for (size, proof) in proofs.unwrap() {
            let (old, new) = (self.seen.roots[size as usize], self.seen.roots[newest]);
            assert!(follows(size, newest as u64, old, new, &proof), "no proof from {size} to {newest}");
        }
    }

    fn everybodys_acts_are_all_there(&self) {
        for (at, player) in self.players.iter().enumerate() {
            for kind in &self.kinds {
                let steps: Vec<_> = self
                    .steps_of(at, *kind)
                    .iter()
                    .map(|step| (step.entry, step.manifest().map(|manifest| manifest.id())))
                    .collect();
                let deeds = player.deeds.iter().filter(|deed| deed.kind == *kind);
                let deeds: Vec<_> =
                    deeds.map(|deed| (deed.entry, deed.bid.as_ref().map(|bid| bid.m))).collect();
                assert_eq!(steps, deeds, "what bidder {} did is not what is kept", at + 1);
            }
        }
    }

    fn phase_follows_time(&self) {
        let (facts, now) = (facts(self.house(), self.filled.lot), self.now());
        let expected = if !self.hall.read_out.is_empty() {
            Phase::Evaluation
        } else if self.hall.is_closed() {
            if self.hall.opens() { Phase::Opening } else { Phase::Unsuccessful }
        } else if now >= self.deadline {
            Phase::Opening
        } else {
            Phase::Bidding
        };
        assert_eq!(facts.phase(now), expected, "at {}", now.rfc3339());
    }

    fn the_box_holds_what_was_handed_in(&self) {
        let door = self.house().door();
        let closing = door.read(|db| store::closing(db, self.filled.lot)).unwrap();
        assert_eq!(closing.is_some(), self.hall.is_closed());
        let (Some(closing), Some(Closed { complete, boxes, size, at })) = (closing, &self.hall.closed) else {
            return;
        };
        assert_eq!((closing.size, closing.at), (*size, *at), "a closing was changed");
        assert_eq!(closing.bidders as usize, *complete, "the count at the deadline");
        assert_eq!(closing.root, self.seen.roots[*size as usize], "the closing is of another log");
        let below = |entry: String| {
            self.seen.ids.iter().position(|id| *id == entry).is_some_and(|at| at < *size as usize)
        };
        for deed in self.players.iter().flat_map(|player| &player.deeds) {
            assert!(below(deed.entry.to_string()), "an act in time has no place below the closing");
        }
        for (kind, counted) in boxes {
            let rows = door.read(|db| store::bids(db, self.filled.lot, *kind)).unwrap();
            assert_eq!(
                rows.is_empty(),
                !self.hall.read_out.contains(kind) || counted.is_empty(),
                "bids before the opening"
            );
            let sitting = door.read(|db| store::sitting(db, self.filled.lot, *kind)).unwrap();
            let begun = self.hall.opens() && (*kind == self.kind || self.hall.read_out.contains(kind));
            assert_eq!(sitting.is_some(), begun, "a session");
            let Some(sitting) = sitting else { continue };
            let in_set: BTreeSet<[u8; 32]> = sitting.bid_set.bids.iter().map(|bid| bid.m.0).collect();
            assert_eq!(in_set.len(), sitting.bid_set.bids.len(), "a manifest twice");
            assert_eq!(in_set, counted.iter().map(|(_, bid)| bid.m).collect(), "another set of bids");
        }
    }

    /// What may not be seen stands nowhere, in no usual writing: in the database not before the opening is on record, and
    /// what was replaced, withdrawn or spoilt never; in the file store never, for opened bids stay sealed where they lie.
    fn nothing_can_be_read(&mut self) {
        let door = self.house().door();
        let rows = door.read(|db| Ok::<_, Fault>(everything(db))).unwrap().join("\n");
        let (mut files, mut searched) = (String::new(), self.seen.files.clone());
        new_files(Path::new(&door.config().files), &mut searched, &mut |bytes| {
            files.push_str(&String::from_utf8_lossy(bytes));
            files.push('\n');
        });
        let counted = self.hall.closed.iter().flat_map(|closed| closed.boxes.values().flatten());
        let honest = counted.filter(|(_, bid)| self.hall.read_out.contains(&bid.kind) && bid.cause.is_none());
        let honest: Vec<&str> = honest.map(|(_, bid)| bid.canary.as_str()).collect();
        self.search("the database", &rows, &honest);
        self.search("the file store", &files, &[]);
        self.seen.files = searched;
    }

    fn search(&self, place: &str, text: &str, lawful: &[&str]) {
        for canary in [self.canary.as_str(), HOSTILE_CANARY] {
            for form in writings(canary) {
                for (at, found) in text.match_indices(&form) {
                    let behind: String = text[at..].chars().take(100).collect();
                    let may = found == canary && lawful.iter().any(|lawful| behind.starts_with(lawful));
                    assert!(may, "a plaintext can be read in {place}: {behind}");
                }
            }
        }
    }

    fn the_money_is_where_it_was(&self) {
        let door = self.house().door();
        let book = door.read(|db| crate::deposit::store::whole_book(db, door.vault())).unwrap();
        assert!(book.trial().balances(), "the deposit book does not balance");
        let bank = book.total(crate::deposit::double_entry::Account::Bank);
        assert_eq!(bank.0, self.paid, "money at the bank");
    }
}

/// Calls `search` with the bytes of every file below `folder` that is new or has another size.
fn new_files(folder: &Path, searched: &mut BTreeMap<PathBuf, u64>, search: &mut dyn FnMut(&[u8])) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, meta) = (entry.path(), entry.metadata().unwrap());
        if meta.is_dir() {
            new_files(&path, searched, search);
        } else if searched.insert(path.clone(), meta.len()) != Some(meta.len()) {
            search(&std::fs::read(&path).unwrap());
        }
    }
}

/// How a text may be written down: plainly, in hex, in Base64 at each of three alignments.
fn writings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned(), hex::encode(text)];
    for shift in 0..3 {
        let padded = [&vec![b'.'; shift], text.as_bytes()].concat();
        let whole = base64::engine::general_purpose::STANDARD_NO_PAD.encode(padded);
        // only the letters that the neighbours can not change
        all.push(whole[(shift * 8).div_ceil(6)..(shift + text.len()) * 8 / 6].to_owned());
    }
    all
}

fn size_of(receipt: &str) -> u64 {
    stated(&Receipt::parse(receipt.as_bytes()).unwrap().checkpoint).0
}

/// Size and root on the second and third line of a checkpoint (C2SP tlog-checkpoint).
fn stated(note: &Note) -> (u64, [u8; 32]) {
    let mut lines = note.text().lines().skip(1);
    let size = lines.next().unwrap().parse().unwrap();
    let root = base64::engine::general_purpose::STANDARD.decode(lines.next().unwrap()).unwrap();
    (size, root.try_into().unwrap())
}

fn node(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    sha256(&[&[1], &left, &right])
}

/// The roots of the first 0, 1, 2, … of `leaves` (RFC 6962 section 2.1), by the peaks of the whole subtrees.
fn roots_of(leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
    let mut roots = vec![sha256(&[])];
    let mut peaks: Vec<(usize, [u8; 32])> = Vec::new();
    for leaf in leaves {
        let mut peak = (1, sha256(&[&[0], leaf]));
        while let Some((size, left)) = peaks.pop_if(|(size, _)| *size == peak.0) {
            peak = (2 * size, node(left, peak.1));
        }
        peaks.push(peak);
        let up = peaks.iter().rev().map(|(_, hash)| *hash);
        roots.push(up.reduce(|right, left| node(left, right)).unwrap());
    }
    roots
}

/// The root that a proof leads to from a leaf (RFC 9162 section 2.1.3.2).
fn climb(leaf: [u8; 32], index: u64, size: u64, proof: &[[u8; 32]]) -> Option<[u8; 32]> {
    let (mut place, mut last, mut root) = (index, size.checked_sub(1)?, leaf);
    if index >= size {
        return None;
    }
    for other in proof {
        if last == 0 {
            return None;
        }
        if place % 2 == 1 || place == last {
            root = node(*other, root);
            while place % 2 == 0 && place != 0 {
                (place, last) = (place / 2, last / 2);
            }
        } else {
            root = node(root, *other);
        }
        (place, last) = (place / 2, last / 2);
    }
    (last == 0).then_some(root)
}

/// Whether a proof shows that the tree of `new` leaves goes on from that of `old` (RFC 9162 section 2.1.4.2).
fn follows(old: u64, new: u64, old_root: [u8; 32], new_root: [u8; 32], proof: &[[u8; 32]]) -> bool {
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    let first = old.is_power_of_two().then_some(old_root);
    let mut path = first.into_iter().chain(proof.iter().copied());
    let (mut from, mut last) = (old - 1, new - 1);
    while from % 2 == 1 {
        (from, last) = (from / 2, last / 2);
    }
    let Some(start) = path.next() else { return false };
    let (mut small, mut large) = (start, start);
    for other in path {
        if last == 0 {
            return false;
        }
        if from % 2 == 1 || from == last {
            (small, large) = (node(other, small), node(other, large));
            while from % 2 == 0 && from != 0 {
                (from, last) = (from / 2, last / 2);
            }
        } else {
            large = node(large, other);
        }
        (from, last) = (from / 2, last / 2);
    }
    last == 0 && small == old_root && large == new_root
}
