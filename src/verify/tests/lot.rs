//! A whole lot's evidence, made by the same pure parts that the rooms use, for tests to alter.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::lockstep::Order;
use super::opened::opened;
use crate::account::authority::Authority;
use crate::account::role::Role;
use crate::account::signature::{self, Signed};
use crate::account::who::Who;
use crate::deposit::rules::State;
use crate::evaluation::report::Report;
use crate::evaluation::tests::story;
use crate::expert_draw::coefficient::{CoefficientDoc, CoefficientRecord, CoefficientTyp, draw_coefficient};
use crate::expert_draw::draw::{Draw, DrawRecord, Reveals, commit_of, doc_hash, draw, seat_holders};
use crate::expert_draw::public_value::PublicValue;
use crate::expert_draw::tests::sample_record;
use crate::ledger::checkpoint::Signer;
use crate::ledger::leaf;
use crate::ledger::note::{SignerKey, VerifierKey};
use crate::ledger::proof::{Opening, Receipt};
use crate::ledger::tests::MemoryLog;
use crate::ledger::tree;
use crate::platform::canonical::{jcs, jcs_text};
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::moment::{Moment, SECOND};
use crate::platform::money::Fen;
use crate::recording::chain::{Head, What};
use crate::sealing::bid_set::{BidSet, Closing, CountedBid};
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::{Context, ContextTyp, EnvelopeKind, Mode, Suite};
use crate::sealing::document::{Blob, Bytes, Count};
use crate::sealing::manifest::Client;
use crate::sealing::release::{BiddersPhase, BundleTyp, OpeningBundle};
use crate::sealing::seal::{Content, FileToSeal, SealedBid, seal};
use crate::sealing::signature::{Signer as BidSigner, SigningKey};
use crate::sealing::trustees::{TrusteeKey, TrusteeSet, TrusteeSetTyp};
use crate::verify::bids_check::folder;
use crate::verify::bundle::{self, About, Part};
use crate::verify::deposit_check::{DEPOSITS, DepositLine, DepositsDoc};
use crate::verify::findings::Findings;
use crate::verify::log_check::*;
use crate::verify::opening_check::{BidShares, ReportedShare, SharesDoc, SharesTyp, TRUSTEES, opening_path};
use crate::verify::{Known, verify};

pub const ORIGIN: &str = "log.example/sunbid";
pub const TENDER: &str = "DEMO-0001";
/// The lot's id in events.
pub const LOT: &str = "01arz3ndektsv4rrffq69g5fav";
const PRICES: [i64; 4] = [9_800_000, 9_600_000, 9_450_000, 9_300_000];

pub fn at(seconds: i64) -> Moment {
    Moment::parse("2026-03-25T01:30:00.000000Z").unwrap().plus(seconds * SECOND)
}

/// The files of an honest bundle, the log's key, and the receipts that bidders hold.
#[derive(Clone)]
pub struct Evidence {
    pub files: BTreeMap<String, Vec<u8>>,
    pub key: VerifierKey,
    pub receipts: Vec<Receipt>,
}

impl Evidence {
    /// A lot whose log tells of the bidders' phase in this order.
    pub fn in_order(order: Order) -> Self {
        Story { order, ..Story::new() }.tell()
    }

    pub fn honest() -> Self {
        static MADE: OnceLock<Evidence> = OnceLock::new();
        MADE.get_or_init(|| Story::new().tell()).clone()
    }

    /// Writes the bundle as it is now, table of contents included, and verifies it.
    pub fn verify(&self) -> Findings {
        self.verify_with(Vec::new())
    }

    pub fn verify_with(&self, receipts: Vec<Receipt>) -> Findings {
        let about = About {
            origin: ORIGIN.into(),
            key: self.key.to_string(),
            tender: TENDER.into(),
            lot: "1".into(),
            id: LOT.into(),
            made: at(0),
        };
        let files = self.files.iter().map(|(path, bytes)| (path.clone(), part(path, bytes))).collect();
        let bytes = bundle::write(Vec::new(), &about, &files).unwrap();
        verify(bytes, &Known { key: Some(self.key.clone()), receipts, ..Known::default() })
    }

    pub fn bid(&self, number: usize) -> String {
        let folders = self.files.keys().filter_map(|path| path.strip_suffix("signature.json"));
        folders.collect::<Vec<_>>()[number].to_owned()
    }

    /// Changes a JSON document in place, keeping its canonical form.
    pub fn alter(&mut self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_slice(&self.files[path]).unwrap();
        let before = value.clone();
        change(&mut value);
        assert_ne!(value, before, "the test alters nothing");
        self.files.insert(path.to_owned(), jcs(&value));
    }
}

fn part(path: &str, bytes: &[u8]) -> Part {
    if !path.ends_with("/ciphertext") && !path.starts_with("media/") {
        return Part::Document(bytes.to_vec());
    }
    let bytes = bytes.to_vec();
    Part::Large(Box::new(move || Ok(Box::new(Cursor::new(bytes.clone())))))
}

/// A person with a certified key.
struct Person {
    key: SigningKey,
    certificate: Vec<u8>,
}

/// The credit code in everybody's certificate.
pub const BIDDER_CODE: &str = "91110000000000000A";

impl Person {
    fn of(authority: &Authority, name: &str) -> Self {
        Self::with_code(authority, name, BIDDER_CODE)
    }

    fn with_code(authority: &Authority, name: &str, code: &str) -> Self {
        let who = Who {
            person: Id::random(),
            login: name.into(),
            name: name.into(),
            role: Role::Bidder,
            organisation: Id::random(),
            organisation_name: format!("{name} Ltd"),
            credit_code: code.into(),
        };
        let (key, _) = SigningKey::generate().unwrap();
        let certificate = authority.issue(&who, key.point().0, at(0)).unwrap();
        Self { key, certificate }
    }

    fn sign(&self, statement: &str, at: Moment) -> Signed {
        let message = [signature::LABEL, statement.as_bytes()].concat();
        Signed {
            statement: statement.into(),
            signature: self.key.sign(&message).unwrap().to_string(),
            certificate: b64u(&self.certificate),
            at,
        }
    }
}

pub(super) struct Story {
    pub(super) order: Order,
    authority: Authority,
    _keys: tempfile::TempDir,
    /// Kind, blind and object of every entry of the log; ours and, between them, those of others.
    entries: Vec<(u8, [u8; 32], Vec<u8>, bool)>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    log: MemoryLog,
    signer: Signer,
    signed: u64,
}

impl Story {
    fn new() -> Self {
        let keys = tempfile::tempdir().unwrap();
        Self {
            order: Order::Lawful,
            authority: Authority::open(keys.path(), "", at(0)).unwrap(),
            _keys: keys,
            entries: Vec::new(),
            files: BTreeMap::new(),
            log: MemoryLog::default(),
            signer: Signer::new(SignerKey::from_seed(ORIGIN, [4; 32]).unwrap()),
            signed: 0,
        }
    }

    /// A signer of bids and releases of the organisation with this credit code.
    pub(super) fn bid_signer(&self, code: &str) -> BidSigner {
        let person = Person::with_code(&self.authority, "bidder", code);
        BidSigner::new(person.key, vec![Blob(person.certificate)]).unwrap()
    }

    fn push(&mut self, kind: u8, object: Vec<u8>, ours: bool) -> u64 {
        let index = self.entries.len() as u64;
        let blind = sha256(&[b"blind", &index.to_be_bytes()]);
        self.log.add(&[leaf::hash(&blind, kind, &object)]);
        self.entries.push((kind, blind, object, ours));
        index
    }

    /// One of our entries, with entries of other tenders around it.
    fn enter(&mut self, kind: u8, object: Vec<u8>) -> u64 {
        let index = self.push(kind, object, true);
        for kind in 0..7 {
            self.push(kind, b"of another tender".to_vec(), false);
        }
        index
    }

    /// The moment of the next event.
    fn now(&self) -> Moment {
        at(self.entries.len() as i64)
    }

    pub(super) fn event(&mut self, kind: &str, number: u8, event: Value) -> u64 {
        let by = json!({"id": "system:test", "role": "system"});
        let now = self.now();
        self.enter(
            number,
            jcs(&json!({"at": now, "by": by, "event": event, "kind": kind, "typ": "sunbid/event/v1"})),
        )
    }

    fn checkpoint(&mut self) -> String {
        let size = self.entries.len() as u64;
        let proof = tree::consistency_proof(&self.log, self.signed, size).unwrap();
        self.signed = size;
        self.signer.sign(size, tree::root(&self.log, size).unwrap(), &proof).unwrap().to_string()
    }

    fn receipt(&mut self, index: u64) -> Receipt {
        let note = self.checkpoint();
        let (kind, blind, object, _) = &self.entries[index as usize];
        let opening = Opening { object_hash: sha256(&[object]), kind: *kind, blind: *blind };
        let proof = tree::inclusion_proof(&self.log, index, self.signed).unwrap();
        let checkpoint = crate::ledger::note::Note::parse(note.as_bytes()).unwrap();
        Receipt { opening, index, proof, checkpoint }
    }

    fn tell(mut self) -> Evidence {
        let keys: Vec<TrusteeKey> = (1..=3).map(|i| TrusteeKey::generate(TENDER, i).unwrap().0).collect();
        let members = keys.iter().map(|key| key.member(&format!("Trustee {}", key.i))).collect();
        let mut set = TrusteeSet { members, t: 2, tender: TENDER.into(), typ: TrusteeSetTyp };
        keys.iter().for_each(|key| key.sign_set(&mut set).unwrap());
        self.files.insert(TRUSTEES.into(), jcs(&set));
        self.event("project.trustees_set", 22, json!({"hash": b64u(&set.hash())}));
        self.event("project.schedule_set", 22, json!({"schedule": {"bids_until": at(0)}}));
        self.milestone("announced");
        let (counting, receipts) = self.bids(&set);
        let closing = self.checkpoint();
        let (size, root) = self.signer.last();
        let (bidders, incomplete) = match self.order {
            Order::Closed { bidders, incomplete } => (bidders, incomplete),
            _ => (3, Some(0)),
        };
        let lot = if self.order == Order::OtherLotClosed { "another" } else { LOT };
        let mut closed = json!({"lot": lot, "bidders": bidders, "size": size.to_string()});
        if let Some(incomplete) = incomplete {
            closed["incomplete"] = json!(incomplete);
        }
        self.event("opening.box_closed", 130, closed);
        self.milestone("bidding_closed");
        self.deposits();
        self.open(&set, &keys, &counting, Closing { root: Bytes(root), size: Count(size) });
        self.milestone("opened");
        self.draws();
        self.milestone("evaluation_started");
        self.record();
        self.evaluate();
        self.milestone("evaluated");
        self.finish(closing, size, receipts)
    }

    #[allow(clippy::type_complexity)]
    fn bids(&mut self, set: &TrusteeSet) -> (Vec<(u64, SealedBid, Vec<u8>)>, Vec<Receipt>) {
        let (mut counting, mut receipts) = (Vec::new(), Vec::new());
        for (number, price) in PRICES.iter().enumerate() {
            let (bid, ciphertext) = sealed(&self.authority, set, (number as u8, 1, None), *price);
            let index = self.enter(70, bid.manifest.message());
            receipts.push(self.receipt(index));
            counting.push((index, bid, ciphertext));
        }
        // the first bidder replaces its bid, the last takes it back
        let prev = counting[0].1.manifest.id();
        let (bid, ciphertext) = sealed(&self.authority, set, (0, 2, Some(prev)), PRICES[0]);
        let index = self.enter(70, bid.manifest.message());
        receipts.push(self.receipt(index));
        counting[0] = (index, bid, ciphertext);
        let gone = counting.pop().unwrap().1.manifest.id();
        self.event("sealed_bid.withdrawn", 71, json!({"m": b64u(&gone)}));
        for (_, bid, ciphertext) in &counting {
            let m = bid.manifest.id();
            let receipt = receipts.iter().find(|receipt| receipt.opening.object_hash == m).unwrap();
            self.files.insert(format!("{}signature.json", folder(&m)), jcs(&bid.signature));
            self.files.insert(format!("{}receipt.tlog-proof", folder(&m)), receipt.to_string().into_bytes());
            self.files.insert(format!("{}ciphertext", folder(&m)), ciphertext.clone());
        }
        (counting, receipts)
    }

    fn open(
        &mut self,
        set: &TrusteeSet,
        keys: &[TrusteeKey],
        counting: &[(u64, SealedBid, Vec<u8>)],
        closing: Closing,
    ) {
        let counted = counting
            .iter()
            .map(|(index, bid, _)| CountedBid { leaf: Count(*index), m: Bytes(bid.manifest.id()) });
        let bid_set = BidSet::new(TENDER, "1", EnvelopeKind::Single, closing, counted.collect());
        let path = |name: &str| opening_path(EnvelopeKind::Single, name);
        self.files.insert(path("bid-set.json"), jcs(&bid_set));
        self.event("opening.bid_set", 131, json!({"hash": b64u(&bid_set.hash())}));
        let find = |m: [u8; 32]| counting.iter().find(|(_, bid, _)| bid.manifest.id() == m).unwrap();
        let manifests = bid_set.bids.iter().map(|bid| find(bid.m.0).1.manifest.clone()).collect();
        let session = BoxKey::random();
        let dual = counting.iter().find(|(_, bid, _)| bid.bidder_key.is_some()).unwrap();
        // seconds are counted in entries here: at(0) is over, at(3600) has not come
        let over = matches!(self.order, Order::AbsentInvented);
        let until = if over { at(0) } else { at(3600) };
        let bidders = BiddersPhase { absent: vec![], released: vec![Bytes(dual.1.manifest.id())], until };
        self.event(
            "opening.session_started",
            132,
            json!({"lot": LOT, "envelope": "single", "bidders_until": until}),
        );
        if self.order != Order::TrusteesFirst {
            self.bidder(&path, &dual.1, &session, &bidders);
        }
        let told = bidders.clone();
        let opening = OpeningBundle {
            bidders: Some(bidders),
            drill: None,
            log: None,
            bid_set: bid_set.clone(),
            manifests,
            opens_at: at(0),
            session: Bytes(session.public()),
            trustees: set.clone(),
            typ: BundleTyp::Opening,
        };
        let mut bids: Vec<BidShares> =
            bid_set.bids.iter().map(|bid| BidShares { k_b: None, m: bid.m, reported: vec![] }).collect();
        for key in &keys[..2] {
            let release = opening.release_believing(key, at(1)).unwrap();
            self.files.insert(path(&format!("release-{}.json", key.i)), jcs(&release));
            self.event("opening.released", 132, json!({"i": key.i, "hash": b64u(&release.hash())}));
            for (bid, released) in bids.iter_mut().zip(&release.shares) {
                let c = find(bid.m.0).1.manifest.ctx.hash();
                let share = session.open_release(&c, key.i, &released.sealed.unwrap().0).unwrap();
                bid.reported.push(ReportedShare { i: key.i, share: Some(Bytes(*share.to_bytes())) });
            }
        }
        if self.order == Order::TrusteesFirst {
            self.bidder(&path, &dual.1, &session, &told);
        }
        for bid in bids.iter_mut().filter(|_| self.order != Order::AbsentEarly) {
            bid.k_b = find(bid.m.0).1.bidder_key.as_ref().map(|file| file.k_b);
        }
        let shares = SharesDoc { bids, session: Some(Bytes(session.to_bytes().0)), typ: SharesTyp };
        self.files.insert(path("shares.json"), jcs(&shares));
        for held in &shares.bids {
            let (_, bid, ciphertext) = find(held.m.0);
            if bid.bidder_key.is_some() && held.k_b.is_none() {
                continue;
            }
            let document = opened(set, bid, held, ciphertext);
            self.event("opening.read_out", 133, json!({"m": held.m, "sha256": b64u(&sha256(&[&document]))}));
            self.files.insert(format!("{}bid.json", folder(&held.m.0)), document);
        }
    }

    fn milestone(&mut self, code: &str) {
        self.event("project.milestone_reached", 25, json!({"lot": LOT, "milestone": code}));
    }

    fn deposits(&mut self) {
        let mut lines = Vec::new();
        for (name, parts, state) in [
            ("d1", vec!["800.00", "200.00"], State::Refunded),
            ("d2", vec!["1000.00"], State::Frozen),
            ("d3", vec!["1000.00"], State::Forfeited),
            ("d4", vec![], State::Demanded),
        ] {
            let mut credited = Fen(0);
            for amount in parts {
                let amount = Fen::parse(amount).unwrap();
                credited = credited.checked_add(amount).unwrap();
                let complete = credited == Fen::parse("1000.00").unwrap();
                let event = json!({"amount": amount, "complete": complete, "deposit": name, "lot": LOT, "movement": "x"});
                self.event("deposit.credited", 51, event);
            }
            let amount = Fen::parse("1000.00").unwrap();
            lines.push(DepositLine { amount, credited, deposit: name.into(), state });
        }
        self.event("deposit.released", 55, json!({"deposits": ["d1"], "lot": LOT}));
        self.event("deposit.forfeited", 56, json!({"amount": "1000.00", "deposit": "d3", "lot": LOT}));
        self.files.insert(DEPOSITS.into(), jcs(&DepositsDoc::new(lines).unwrap()));
    }

    fn draws(&mut self) {
        let mut experts: DrawRecord = sample_record();
        experts.doc.tender = TENDER.into();
        experts.result = draw(&experts.doc, &experts.reveals, &experts.public_value).unwrap();
        experts.doc.id = Id::from_bits(8);
        let id = experts.doc.id;
        for party in &mut experts.doc.parties {
            party.commit = commit_of(id, &party.id, &experts.reveals[&party.id].0);
        }
        (experts.doc.reveal_by, experts.doc.public_at) = (at(3600), at(3720));
        experts.result = draw(&experts.doc, &experts.reveals, &experts.public_value).unwrap();
        self.event("expert_draw.set_up", 92, json!({"draw": id, "list": experts.doc.list}));
        self.event("expert_draw.fixed", 94, json!({"document": doc_hash(&experts.doc), "draw": id}));
        self.reveal(id, &experts.reveals, &experts.public_value);
        let gone = experts.result.strata[0].selected[1];
        let seats = seat_holders(&experts.doc, &experts.result, &[gone]);
        let next = seats[0].iter().find(|id| !experts.result.strata[0].selected.contains(id));
        let answer = json!({"answer": "declined", "candidate": gone, "draw": id, "next": next});
        self.event("expert_draw.call_answered", 99, answer);
        self.files.insert("draw/experts.json".into(), jcs(&experts));
        let (id, doc) = (Id::from_bits(7), &experts.doc);
        let parties = doc.parties.iter().cloned().map(|mut party| {
            party.commit = commit_of(id, &party.id, &experts.reveals[&party.id].0);
            party
        });
        let doc = CoefficientDoc {
            typ: CoefficientTyp::V1,
            id,
            tender: TENDER.into(),
            lot: "1".into(),
            name: "K".into(),
            values: ["0.02", "0.03", "0.04"].map(String::from).to_vec(),
            parties: parties.collect(),
            public: doc.public.clone(),
            reveal_by: doc.reveal_by,
            public_at: doc.public_at,
        };
        let (reveals, public_value) = (experts.reveals.clone(), experts.public_value.clone());
        let result = draw_coefficient(&doc, &reveals, &public_value).unwrap();
        self.event("expert_draw.fixed", 94, json!({"document": doc_hash(&doc), "draw": id}));
        self.reveal(id, &reveals, &public_value);
        let record = CoefficientRecord { doc, reveals, public_value, result };
        self.files.insert("draw/coefficient-k.json".into(), jcs(&record));
    }

    fn reveal(&mut self, draw: Id<Draw>, reveals: &Reveals, value: &PublicValue) {
        for (party, secret) in reveals {
            self.event("expert_draw.revealed", 95, json!({"draw": draw, "party": party, "secret": secret}));
        }
        self.event("expert_draw.drawn", 97, json!({"draw": draw, "value": value}));
    }

    fn record(&mut self) {
        let mut head = Head::start("session-1", "track-1");
        let segment = |seq: u64| vec![seq as u8; 4000 + seq as usize];
        let hash = |seq: u64| sha256(&[&segment(seq)]);
        let mut whats = vec![
            What::Opened { subject: "evaluation:lot".into(), seat: 1, source: "camera".into() },
            What::Init {
                epoch: 1,
                sha256: hash(0),
                bytes: 4000,
                timescale: 1000,
                codecs: "avc1".into(),
                began_at: at(0),
            },
        ];
        whats.extend((1..=5).map(|seq| {
            let bytes = 4000 + seq;
            What::Media { epoch: 1, seq, tfdt: (seq - 1) * 2000, dur: 2000, sha256: hash(seq), bytes }
        }));
        let mut records: Vec<_> =
            whats.into_iter().enumerate().map(|(i, what)| head.append(at(i as i64), what)).collect();
        records.push(head.seal(at(60)));
        for record in records.iter().filter(|record| [0, 1, 4, 7].contains(&record.number)) {
            self.event("recording.record", 110, serde_json::to_value(record).unwrap());
        }
        let lines: String = records.iter().map(|record| jcs_text(record) + "\n").collect();
        self.files.insert("recording/track-1.jsonl".into(), lines.into_bytes());
        for seq in 0..=5 {
            self.files.insert(format!("media/{}", hex::encode(hash(seq))), segment(seq));
        }
    }

    fn evaluate(&mut self) {
        let mut inputs = story::works(&PRICES[..3]);
        let k: CoefficientRecord = serde_json::from_slice(&self.files["draw/coefficient-k.json"]).unwrap();
        inputs.drawn = serde_json::from_value(json!({"K": k.result.value})).unwrap();
        for (number, text) in inputs.reviews.iter().map(jcs_text).collect::<Vec<_>>().iter().enumerate() {
            // kept beside the log, which holds the hash of the statement
            let signed = Person::of(&self.authority, "expert").sign(text, self.now());
            let hash = b64u(&sha256(&[text.as_bytes()]));
            self.event("evaluation.paper_signed", 153, json!({"member": number, "statement": hash}));
            self.files.insert(format!("signed/review-{number}.json"), jcs(&signed));
        }
        let prices = json!({"lot": LOT, "envelope": "commercial"});
        for (number, text) in inputs.sheets.iter().map(jcs_text).collect::<Vec<_>>().iter().enumerate() {
            // as text inside the event, as rooms keep it in a column
            let signed = jcs_text(&Person::of(&self.authority, "expert").sign(text, self.now()));
            if self.order == Order::PricesFirst && number + 1 == inputs.sheets.len() {
                self.event("opening.session_started", 132, prices.clone());
            }
            self.event("evaluation.scored", 151, json!({"seat": number, "signed": signed}));
        }
        if self.order == Order::ScoresFirst {
            self.event("opening.session_started", 132, prices);
        }
        let report = Report::of(inputs).unwrap().jcs();
        self.event("evaluation.reported", 152, json!({"sha256": b64u(&sha256(&[&report]))}));
        self.files.insert("evaluation/report.json".into(), report);
    }

    fn finish(mut self, closing: String, closed_at: u64, receipts: Vec<Receipt>) -> Evidence {
        let head = self.checkpoint();
        let size = self.signed;
        let texts = |proof: &[tree::Hash]| proof.iter().map(|hash| b64u(hash)).collect::<Vec<_>>();
        let proof = tree::consistency_proof(&self.log, closed_at, size).unwrap();
        let closing = ClosingDoc { checkpoint: closing, proof: texts(&proof), typ: CLOSING_TYPE.into() };
        self.files.insert(CHECKPOINT.into(), head.into_bytes());
        self.files.insert("roots/1.der".into(), self.authority.roots()[0].clone());
        self.files.insert(CLOSING.into(), jcs(&closing));
        for (index, (kind, blind, object, _)) in self.entries.iter().enumerate().filter(|(_, entry)| entry.3)
        {
            let index = index as u64;
            let doc = EntryDoc {
                c: b64u(&leaf::commitment(blind, *kind, object)),
                index: index.to_string(),
                opened: Some(OpenedDoc { blind: b64u(blind), number: *kind, object: b64u(object) }),
                proof: texts(&tree::inclusion_proof(&self.log, index, size).unwrap()),
                typ: ENTRY_TYPE.into(),
            };
            self.files.insert(entry_path(index), jcs(&doc));
        }
        Evidence { files: self.files, key: self.signer.verifier().clone(), receipts }
    }
}

fn sealed(
    authority: &Authority,
    set: &TrusteeSet,
    (bidder, rev, prev): (u8, u32, Option<[u8; 32]>),
    price: i64,
) -> (SealedBid, Vec<u8>) {
    let person = Person::of(authority, "bidder");
    let signer = BidSigner::new(person.key, vec![Blob(person.certificate)]).unwrap();
    let ctx = Context {
        bid: Bytes([bidder; 16]),
        bidder: Bytes([bidder + 100; 16]),
        envelope: EnvelopeKind::Single,
        lot: "1".into(),
        mode: if bidder == 0 { Mode::Dual } else { Mode::Trustees },
        origin: ORIGIN.into(),
        rev: serde_json::from_value(json!(rev)).unwrap(),
        suite: Suite,
        tender: TENDER.into(),
        tender_doc: Bytes([9; 32]),
        trustees: Bytes(set.hash()),
        typ: ContextTyp,
    };
    let letter = b"letter of tender".to_vec();
    let content = Content {
        ctx: &ctx,
        trustees: set,
        files: &[FileToSeal { name: "letter.txt".into(), source: &letter }],
        form: BTreeMap::from([("price".into(), format!("{price}.00"))]),
        prev,
        signer: &signer,
        client: Client { bundle: None, name: "test".into(), ver: "1".into() },
        created: at(-60),
    };
    let mut ciphertext = Vec::new();
    (seal(&content, Cursor::new(&mut ciphertext)).unwrap(), ciphertext)
}
