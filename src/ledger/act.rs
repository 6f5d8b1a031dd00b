//! The Act: the one way to write. An action gets `&mut Act` and with it a transaction, one `now`, one actor, and a
//! way to enter events in the log. No transaction without actor and moment, no change of state without an entry.

use super::arrivals::{Arrival, Arrivals};
use super::leaf;
use super::rotation::Rotation;
use super::rotation_store;
use super::store;
use crate::platform::canonical::jcs;
use crate::platform::database::Db;
use crate::platform::digest::b64u;
use crate::platform::id::Id;
use crate::platform::metrics::Metrics;
use crate::platform::moment::{Clock, Moment};
use crate::platform::queue;
use crate::platform::random;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Names an entry of the log in `Id<EntryMark>`.
pub enum EntryMark {}

/// The id of an entry of the log.
pub type EntryId = Id<EntryMark>;

/// Who does something. Kept with every entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Account id, or `system:NAME` for what the clock and the commands do.
    pub id: String,
    /// Role code, or `system`.
    pub role: String,
}

impl Actor {
    /// What no person does: jobs, start-up, the demonstration builder.
    pub fn system(name: &str) -> Self {
        Self { id: format!("system:{name}"), role: "system".into() }
    }
}

/// Something that happened, as a room tells the log. The type's JCS form, wrapped with moment and actor, is the
/// logged object; a room whose object is defined by a format of its own (a bid's manifest) overrides
/// [`Event::object`].
pub trait Event: Serialize {
    /// `room.past_participle`, for people and queries.
    const KIND: &'static str;
    /// The kind byte in the leaf; the table is in `docs/formats/log.md`.
    const NUMBER: u8;
    /// The entry's body is padded to a multiple of so many bytes before the vault seals it. Kinds that must look alike in the
    /// database have the same here.
    const PAD: usize = 1;

    /// The bytes that the leaf commits to.
    fn object(&self, at: Moment, actor: &Actor) -> Vec<u8> {
        #[derive(Serialize)]
        struct Wrapped<'a, E: ?Sized> {
            at: Moment,
            by: &'a Actor,
            event: &'a E,
            kind: &'static str,
            typ: &'static str,
        }
        jcs(&Wrapped { at, by: actor, event: self, kind: Self::KIND, typ: "sunbid/event/v1" })
    }
}

/// The log changed its key. The object is the rotation note itself.
#[derive(Serialize)]
struct KeyRotated(String);

impl Event for KeyRotated {
    const KIND: &'static str = "ledger.key_rotated";
    const NUMBER: u8 = 1;

    fn object(&self, _: Moment, _: &Actor) -> Vec<u8> {
        self.0.clone().into_bytes()
    }
}

/// What an entry is about: the tender or lot under which supervisors find it.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Stored in clear: who reads the database may know that something public happened to this tender.
    Open(String),
    /// Stored as a keyed tag: nobody learns from the database how often this happened to whom.
    Sealed(String),
    /// About nothing in particular.
    None,
}

impl Subject {
    pub fn open(id: impl ToString) -> Self {
        Self::Open(id.to_string())
    }

    pub fn sealed(id: impl ToString) -> Self {
        Self::Sealed(id.to_string())
    }

    /// The text that stands in the `subject` column.
    pub fn column(&self, vault: &Vault) -> String {
        match self {
            Self::Open(id) => id.clone(),
            Self::Sealed(id) => vault.tag("ledger/subject", &[id.as_bytes()]),
            Self::None => String::new(),
        }
    }
}

/// An entry's content, opened from the vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    pub kind: String,
    pub number: u8,
    pub by: Actor,
    /// Base64url of the logged object.
    pub object: String,
    /// Base64url of the 32 blinding bytes.
    pub blind: String,
}

const BODY: &str = "ledger/entry";

impl Opened {
    /// Opens an entry's body.
    ///
    /// # Errors
    /// It was altered or sealed with another vault key.
    pub fn open(vault: &Vault, body: &[u8]) -> Result<Self, Fault> {
        Ok(serde_json::from_slice(&vault.open(BODY, body)?)?)
    }
}

/// Who acts, and when it arrived if that was before its turn.
pub(super) struct Caller {
    pub actor: Actor,
    pub arrival: Option<Arrival>,
}

/// A running act. Everything done through it happens together or not at all.
pub struct Act<'a> {
    db: &'a mut Db,
    env: &'a ActEnv,
    now: Moment,
    arrival: Option<Arrival>,
    actor: Actor,
    entries: Vec<EntryId>,
    on_record: Vec<Prepared>,
    topics: Vec<String>,
}

/// What every act of one server shares.
pub(super) struct ActEnv {
    pub clock: Clock,
    pub vault: Vault,
    pub metrics: Metrics,
    pub sequencer: super::sequencer::Sequencer,
    pub policy: Option<super::policy::Policy>,
    pub crash: super::crash::Crash,
    pub arrivals: Arrivals,
}

impl ActEnv {
    /// Tells the figures that the log became durable; `before` was its size until then.
    pub fn committed(&self, before: u64, took: Duration) {
        let size = self.sequencer.last().0;
        if size > before {
            self.metrics.checkpoint(size, size - before, took);
        }
    }
}

/// An entry ready to be written.
pub(super) struct Prepared {
    id: EntryId,
    at: Moment,
    subject: String,
    body: Vec<u8>,
    leaf: Vec<u8>,
}

impl Prepared {
    pub(super) fn insert(&self, db: &mut Db) -> Result<(), Fault> {
        store::insert_entry(db, self.id, self.at, &self.subject, &self.body, &self.leaf)
    }
}

/// What an act leaves behind for its writer.
pub(super) struct Traces {
    pub entries: Vec<EntryId>,
    pub on_record: Vec<Prepared>,
    pub topics: Vec<String>,
    pub at: Moment,
}

impl<'a> Act<'a> {
    pub(super) fn begin(db: &'a mut Db, env: &'a ActEnv, caller: Caller) -> Self {
        let Caller { actor, arrival } = caller;
        let now = arrival.as_ref().map_or_else(|| env.clock.now(), Arrival::at);
        Self { db, env, now, arrival, actor, entries: Vec::new(), on_record: Vec::new(), topics: Vec::new() }
    }

    pub(super) fn end(self) -> Traces {
        Traces { entries: self.entries, on_record: self.on_record, topics: self.topics, at: self.now }
    }

    /// The connection, inside the act's transaction.
    pub fn db(&mut self) -> &mut Db {
        self.db
    }

    /// The moment of this act: read once, the same for every rule and row. For what arrived before its turn came, the moment
    /// of its arrival.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// The machine's time at this moment, without a demonstration's offset: only to measure how long the platform was away.
    pub fn machine_now(&self) -> Moment {
        self.env.clock.machine_now()
    }

    /// Whether the act's moment is that of an arrival, which may lie before its turn.
    pub fn has_arrival(&self) -> bool {
        self.arrival.is_some()
    }

    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub fn vault(&self) -> &Vault {
        &self.env.vault
    }

    /// Enters an event in the log. Its index is given when the transaction is sequenced; ask
    /// `ledger::store::index_of` afterwards, or take the receipt from `ledger::receipt`.
    ///
    /// # Errors
    /// The database fails.
    pub fn enter<E: Event>(&mut self, subject: &Subject, event: &E) -> Result<EntryId, Fault> {
        let prepared = self.prepare(subject, event)?;
        prepared.insert(self.db)?;
        self.entries.push(prepared.id);
        Ok(prepared.id)
    }

    /// Has `event` entered in the log even though this act will now be refused: a refusal that must itself be on
    /// record, as a bid that came late. Call it just before returning the refusal.
    ///
    /// # Errors
    /// The event can not be sealed; never in practice.
    pub fn enter_on_refusal<E: Event>(&mut self, subject: &Subject, event: &E) -> Result<EntryId, Fault> {
        let prepared = self.prepare(subject, event)?;
        let id = prepared.id;
        self.on_record.push(prepared);
        Ok(id)
    }

    fn prepare<E: Event>(&self, subject: &Subject, event: &E) -> Result<Prepared, Fault> {
        let object = event.object(self.now, &self.actor);
        let blind: leaf::Blind = random::bytes();
        let opened = Opened {
            kind: E::KIND.into(),
            number: E::NUMBER,
            by: self.actor.clone(),
            object: b64u(&object),
            blind: b64u(&blind),
        };
        Ok(Prepared {
            id: EntryId::random(),
            at: self.now,
            subject: subject.column(&self.env.vault),
            body: self.env.vault.seal_padded(BODY, serde_json::to_vec(&opened)?, E::PAD),
            leaf: leaf::entry(&blind, E::NUMBER, &object),
        })
    }

    /// Queues a message: it is written with this act or not at all, and the job of its kind delivers it later.
    ///
    /// # Errors
    /// The database fails.
    pub fn queue(&mut self, kind: &'static str, message: &impl Serialize) -> Result<(), Fault> {
        let body = self.env.vault.seal(kind, &serde_json::to_vec(message)?);
        queue::put(self.db, kind, &body, self.now)
    }

    /// Tells open pages, once the act is durable, that `topic` changed.
    pub fn tell(&mut self, topic: impl Into<String>) {
        self.topics.push(topic.into());
    }

    /// Waits until no act holds `what` exclusively, keeps others from getting it exclusively until this act
    /// ends, and reads the clock afresh (unless the act has an arrival's moment). Call it before anything else. Acts that must come before a deadline share;
    /// the act that draws the line takes it exclusively. On SQLite acts follow each other anyway.
    ///
    /// # Errors
    /// The database fails.
    pub fn share(&mut self, what: &str) -> Result<(), Fault> {
        self.gate(what, "SELECT pg_advisory_xact_lock_shared($1)")
    }

    /// Waits for every act that shares `what` and keeps new ones out until this act ends; reads the clock afresh.
    ///
    /// # Errors
    /// The database fails.
    pub fn exclude(&mut self, what: &str) -> Result<(), Fault> {
        self.gate(what, "SELECT pg_advisory_xact_lock($1)")
    }

    fn gate(&mut self, what: &str, sql: &str) -> Result<(), Fault> {
        use diesel::prelude::*;
        if let Db::Pg(pg) = self.db {
            let hash = crate::platform::digest::sha256(&[b"gate", what.as_bytes()]);
            let mut key = [0u8; 8];
            key.iter_mut().zip(hash).for_each(|(slot, byte)| *slot = byte);
            diesel::sql_query(sql)
                .bind::<diesel::sql_types::BigInt, _>(i64::from_be_bytes(key))
                .execute(pg)?;
        }
        if self.arrival.is_none() {
            self.now = self.env.clock.now();
        }
        Ok(())
    }

    /// Who is on the way in this server.
    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.env.arrivals
    }

    /// Gives every entry that is committed or part of this act so far its place in the log, signs the checkpoint and
    /// returns it. The closing of a lot does this after [`Act::exclude`]: everything that was accepted in time is
    /// below the returned size, everything later is not. The checkpoint is kept for ever, for witnesses to cosign and
    /// an authority to time-stamp.
    ///
    /// # Errors
    /// The database fails, or the signer refuses.
    pub fn close_log(&mut self) -> Result<store::Head, Fault> {
        self.env.sequencer.sequence(self.db, self.now)?;
        let head = store::head(self.db)?.ok_or_else(|| Fault::new("the log is empty"))?;
        store::keep(self.db, head.size, &head.note, true)?;
        Ok(head)
    }

    /// Changes the log's key for the one that is prepared: everything so far is signed with the old key, everything later
    /// with the new one, and the note that both sign is itself an entry.
    ///
    /// # Errors
    /// The log is empty, no next key is prepared, or the database fails.
    pub(super) fn rotate_log(&mut self) -> Result<Rotation, Fault> {
        let (rotation, checkpoint) = self.env.sequencer.rotate(self.db, self.now)?;
        let entry = self.enter(&Subject::None, &KeyRotated(rotation.note.to_string()))?;
        let checkpoint = checkpoint.to_string();
        rotation_store::put_rotation(self.db, &rotation, &checkpoint, entry, self.now)?;
        let head =
            store::Head { size: rotation.size, root: rotation.root, note: checkpoint.clone(), at: self.now };
        store::put_head(self.db, &head)?;
        // witnesses are asked for this one too: it is the last that they accept without the rotation
        store::keep(self.db, rotation.size, &checkpoint, false)?;
        Ok(rotation)
    }

    /// Whether a checkpoint of this size or a larger one is cosigned by as many witnesses as the policy asks for. A
    /// larger one covers all smaller ones: the log is proven to have only grown.
    ///
    /// # Errors
    /// The database fails.
    pub fn is_witnessed(&mut self, size: u64) -> Result<bool, Fault> {
        let asked = self.env.policy.as_ref().is_some_and(|policy| policy.asks_for_witnesses());
        Ok(!asked || store::newest_met(self.db)?.is_some_and(|kept| kept.size >= size))
    }
}
