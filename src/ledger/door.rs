//! The door of the house: what a page, a job or a command gets to work with. It knows the basement and the log,
//! and no room.

use super::act::{Act, ActEnv, Actor, Caller, EntryId, Opened};
use super::arrivals::{Arrival, Arrivals};
use super::log_files::LogFiles;
use super::note::{Note, VerifierKey};
use super::policy::Policy;
use super::proof::{Opening, Receipt};
use super::rotation::Rotation;
use super::rotation_store;
use super::sequencer::Sequencer;
use super::store::{self, Tiles};
use super::tree;
use super::witnessing;
use super::writer::{Done, Scribe};
use crate::platform::config::Config;
use crate::platform::database::{Database, Db};
use crate::platform::digest::{b64u_32, from_b64u, sha256};
use crate::platform::files::{ContentName, Files};
use crate::platform::live::Hub;
use crate::platform::metrics::Metrics;
use crate::platform::moment::{Clock, Moment};
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::turns::{self, Turns};
use crate::platform::vault::Vault;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// So many acts of one line wait on this server; whoever comes then is asked to try again.
pub const LINE_MAX: usize = 64;
/// What they are told.
pub const LINE_FULL: &str = "ledger.refusal.line_full";

/// Everything a room needs from the house. Cheap to clone.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    config: Config,
    database: Database,
    files: Files,
    log_files: LogFiles,
    clock: Clock,
    vault: Vault,
    hub: Hub,
    env: Arc<ActEnv>,
    scribe: Scribe,
    /// Acts that wait for another one of the same line.
    lines: Turns<String>,
    /// Whether this server could write its files when it last tried.
    keeps_files: AtomicBool,
}

impl Door {
    /// Opens database, files and keys, brings the tables up to date and starts the writer.
    ///
    /// # Errors
    /// Any of them can not be opened, or the log in the database does not extend what was signed before.
    pub fn open(config: Config, clock: Clock) -> Result<Self, Fault> {
        // reqwest, under the S3 client, looks for the process-wide provider; a second installation is refused, which is fine
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = Database::open(&config.database_url)?;
        let files = Files::open(&config.files, |key| std::env::var(key).ok())?;
        let vault = Vault::open_or_create(&config.keys.join("vault.key"))?;
        let sequencer = database.read(|db| Sequencer::open(&config.keys, &config.origin, db))?;
        let hub = Hub::default();
        let rotations = database.read::<_, Fault>(rotation_store::rotations)?;
        let policy = witnessing::read_policy(&config, &sequencer.verifier(), &rotations)?;
        let metrics = Metrics::default();
        let (clock_too, vault_too, crash) = (clock.clone(), vault.clone(), super::crash::Crash::default());
        let arrivals = Arrivals::new(clock.clone());
        let env = Arc::new(ActEnv {
            clock: clock_too,
            vault: vault_too,
            metrics,
            sequencer,
            policy,
            crash,
            arrivals,
        });
        let scribe = Scribe::start(&database, env.clone(), hub.clone())?;
        let log_files = database.read(|db| LogFiles::open(&config.log_folder(), db))?;
        Ok(Self(Arc::new(Inner {
            config,
            database,
            files,
            log_files,
            clock,
            vault,
            hub,
            env,
            scribe,
            lines: Turns::default(),
            keeps_files: AtomicBool::new(true),
        })))
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub fn files(&self) -> &Files {
        &self.0.files
    }

    /// Whether this server could write its files when it last tried; until then it is taken for able.
    pub fn keeps_files(&self) -> bool {
        self.0.keeps_files.load(Ordering::Relaxed)
    }

    /// Notes whether this server can write its files.
    pub fn note_files(&self, can: bool) {
        self.0.keeps_files.store(can, Ordering::Relaxed);
    }

    /// Stores a document or paper that somebody hands in, if the disk has room for it beside its reserve. Bids and recordings are
    /// not stored this way: they find their room before they begin.
    ///
    /// # Errors
    /// Refused when the disk is nearly full; the disk or the server fails.
    pub async fn keep_document(&self, content: Bytes) -> Result<ContentName, Failure> {
        let needed = self.config().disk_reserve_bytes.saturating_add(content.len() as u64);
        if self.files().free()?.is_some_and(|free| free < needed) {
            tracing::warn!(needed, "the disk is nearly full: a document was refused");
            return Err(Refused::new(507, "platform.refusal.no_room").into());
        }
        Ok(self.files().put(content).await?)
    }

    /// The public log as plain files.
    pub(super) fn log_files(&self) -> &LogFiles {
        &self.0.log_files
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub fn now(&self) -> Moment {
        self.0.clock.now()
    }

    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0.env.metrics
    }

    /// The public key with which this log signs now.
    pub fn log_key(&self) -> VerifierKey {
        self.0.env.sequencer.verifier()
    }

    /// Gives the log a new key. Blocks until the change is durable; another process that serves the same log takes the new
    /// key up with its next entry.
    ///
    /// # Errors
    /// The log is empty, or database or key files can not be read or written. After an error the change either was made or
    /// was not; asking again finishes or begins it.
    pub fn rotate_log(&self) -> Result<Rotation, Failure> {
        self.0.env.sequencer.prepare()?;
        let done = self.write(Actor::system("log rotate"), |act| Ok(act.rotate_log()?))?.value;
        self.0.env.sequencer.settle(&done.new)?;
        Ok(done)
    }

    /// Where a test may stop the program.
    #[cfg(test)]
    pub fn crash(&self) -> &super::crash::Crash {
        &self.0.env.crash
    }

    /// Who is on the way to their acts in this server.
    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.0.env.arrivals
    }

    /// Whether other servers may work on the same database.
    pub(super) fn is_shared(&self) -> bool {
        self.0.database.is_pg()
    }

    /// For connections beside all others.
    pub(super) fn database(&self) -> &Database {
        &self.0.database
    }

    /// Who must cosign this log's checkpoints, if anybody must.
    pub fn log_policy(&self) -> Option<&Policy> {
        self.0.env.policy.as_ref()
    }

    /// What the platform says of its own log: the policy that it goes by, or its key and that nobody must cosign.
    pub fn told_policy(&self) -> String {
        self.log_policy().map_or_else(|| Policy::of_log(self.log_key()).to_string(), Policy::to_string)
    }

    /// Reads; blocks. In pages use [`Door::look`].
    ///
    /// # Errors
    /// No connection, or what `work` gives.
    pub fn read<T, E: From<Fault>>(&self, work: impl FnOnce(&mut Db) -> Result<T, E>) -> Result<T, E> {
        self.0.database.read(work)
    }

    /// Writes; blocks until durable and in the log. In pages use [`Door::act`].
    ///
    /// # Errors
    /// What `work` gives; then nothing of it is kept (but see [`Act::enter_on_refusal`]).
    pub fn write<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Done<T>, Failure> {
        let place = self.0.scribe.await_place()?;
        self.0.scribe.act(place, Caller { actor, arrival: None }, Box::new(work))
    }

    /// [`Door::read`] off the async threads.
    ///
    /// # Errors
    /// As [`Door::read`].
    pub async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let door = self.clone();
        let done = tokio::task::spawn_blocking(move || door.read(work)).await;
        done.map_err(Fault::from)?
    }

    /// [`Door::write`] off the async threads.
    ///
    /// # Errors
    /// As [`Door::write`].
    pub async fn act<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Done<T>, Failure> {
        self.act_of(None, Caller { actor, arrival: None }, work).await
    }

    /// [`Door::act`] of somebody whose acts wait for each other: those of one `line` follow one another on this server, before they
    /// take anybody else's place.
    ///
    /// # Errors
    /// As [`Door::write`]; refused where [`LINE_MAX`] of this line wait already.
    pub async fn act_in_line<T: Send + 'static>(
        &self,
        actor: Actor,
        line: impl ToString,
        work: impl FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Done<T>, Failure> {
        self.act_of(Some(line.to_string()), Caller { actor, arrival: None }, work).await
    }

    /// [`Door::act_in_line`] with the moment of an arrival: however long the act waits for its turn, it happens when its cause came.
    ///
    /// # Errors
    /// As [`Door::act_in_line`].
    pub async fn act_arrived<T: Send + 'static>(
        &self,
        actor: Actor,
        line: impl ToString,
        arrival: Arrival,
        work: impl FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Done<T>, Failure> {
        self.act_of(Some(line.to_string()), Caller { actor, arrival: Some(arrival) }, work).await
    }

    async fn act_of<T: Send + 'static>(
        &self,
        line: Option<String>,
        caller: Caller,
        work: impl FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Done<T>, Failure> {
        let door = self.clone();
        // on its own: what has come must be done, also if whoever sent it goes away while it stands in line
        let done = tokio::spawn(async move {
            let turn = match line {
                Some(line) => Some(door.own_line(line)?.turn().await),
                None => None,
            };
            let place = door.0.scribe.place().await?;
            let act = move || door.0.scribe.act(place, caller, Box::new(work));
            let done = tokio::task::spawn_blocking(act).await.map_err(Fault::from)?;
            drop(turn);
            done
        });
        done.await.map_err(Fault::from)?
    }

    fn own_line(&self, line: String) -> Result<turns::Place<String>, Refused> {
        let full = || Refused::new(429, LINE_FULL).with("max", LINE_MAX);
        self.0.lines.join(line, LINE_MAX).ok_or_else(full)
    }

    /// Opens what an entry says; only for those who may know it.
    ///
    /// # Errors
    /// The entry was altered.
    pub fn opened(&self, row: &store::EntryRow) -> Result<Opened, Fault> {
        Opened::open(&self.0.vault, &row.body)
    }

    /// The receipt of an entry: proof that it is in the log, against the newest checkpoint that enough witnesses
    /// cosigned, or, as long as that one is older than the entry, against the newest of all.
    ///
    /// # Errors
    /// There is no such entry, it is not sequenced yet, or the database fails.
    pub fn receipt(&self, db: &mut Db, id: EntryId) -> Result<Receipt, Fault> {
        let row = store::entry(db, id)?.ok_or_else(|| Fault::new("no such entry"))?;
        let head = store::head(db)?.ok_or_else(|| Fault::new("the log is empty"))?;
        let index =
            row.log_index.and_then(|index| u64::try_from(index).ok()).filter(|index| *index < head.size);
        let index = index.ok_or_else(|| Fault::new("the entry has no place in the log yet"))?;
        let witnessed = store::newest_met(db)?.filter(|kept| index < kept.size);
        let (size, note) = witnessed.map_or((head.size, head.note), |kept| (kept.size, kept.note));
        let opened = self.opened(&row)?;
        let damaged = || Fault::new("a log entry's body is damaged");
        let object = from_b64u(&opened.object).ok_or_else(damaged)?;
        let blind = b64u_32(&opened.blind).ok_or_else(damaged)?;
        Ok(Receipt {
            opening: Opening { object_hash: sha256(&[&object]), kind: opened.number, blind },
            index,
            proof: tree::inclusion_proof(&Tiles::new(db), index, size)?,
            checkpoint: Note::parse(note.as_bytes())?,
        })
    }
}
