//! How acts reach the disk.
//!
//! On SQLite one thread runs all acts, each in a savepoint, many in one transaction and one fsync (group commit):
//! writers never wait for each other's locks, and under load the cost of an fsync is shared. On PostgreSQL acts
//! run in parallel on the callers' threads; entries get their place in the log in a short transaction that one of
//! those who wait runs for all of them, while the next ones commit. Either way an act is answered only when its bytes
//! and its place in the log are durable.

use super::act::{Act, ActEnv, Caller, EntryId, Prepared, Traces};
use super::crash::Point;
use crate::platform::database::{Database, Db, OwnConnection, WRITERS_MAX, Writer};
use crate::platform::live::Hub;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault};
use crate::platform::waiting::Waiting;
use diesel::Connection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// At most this many acts share one transaction.
const GROUP_MAX: usize = 256;
/// How long an act that is committed waits for a PostgreSQL server that is away, until its caller is told of a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of an act.
#[derive(Debug)]
pub struct Done<T> {
    pub value: T,
    /// When it happened.
    pub at: Moment,
    /// The entries that it made, in order.
    pub entries: Vec<EntryId>,
}

type Manager = <Db as Connection>::TransactionManager;
type Work<T> = Box<dyn FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send>;

/// One act on its way through the writer, its result type hidden.
trait Job: Send {
    /// Runs inside a savepoint that is already open. Returns whether to keep it.
    fn run(&mut self, db: &mut Db, env: &ActEnv) -> bool;
    /// Entries to write although the act was refused.
    fn on_record(&mut self) -> Vec<Prepared>;
    /// The group is durable (or is not): answer the caller.
    fn finish(self: Box<Self>, group: Result<(), String>, hub: &Hub);
}

struct TypedJob<T> {
    work: Option<(Caller, Work<T>)>,
    result: Option<Result<T, Failure>>,
    traces: Option<Traces>,
    reply: mpsc::SyncSender<Result<Done<T>, Failure>>,
}

impl<T: Send> Job for TypedJob<T> {
    fn run(&mut self, db: &mut Db, env: &ActEnv) -> bool {
        let Some((caller, work)) = self.work.take() else { return false };
        let mut act = Act::begin(db, env, caller);
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut act)));
        self.traces = Some(act.end());
        let result = result.unwrap_or_else(|_| Err(Fault::new("a bug stopped this act; see the log").into()));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn on_record(&mut self) -> Vec<Prepared> {
        self.traces.as_mut().map(|traces| std::mem::take(&mut traces.on_record)).unwrap_or_default()
    }

    fn finish(self: Box<Self>, group: Result<(), String>, hub: &Hub) {
        let answer = match (group, self.result, self.traces) {
            (Err(why), _, _) => Err(Fault::new(why).into()),
            (Ok(()), Some(Ok(value)), Some(traces)) => {
                traces.topics.into_iter().for_each(|topic| hub.tell(topic));
                Ok(Done { value, at: traces.at, entries: traces.entries })
            }
            (Ok(()), Some(Err(failure)), _) => Err(failure),
            (Ok(()), _, _) => Err(Fault::new("the act was never run").into()),
        };
        // a caller that has gone away does not undo what is durable
        let _ = self.reply.send(answer);
    }
}

/// Runs acts on either engine.
pub(super) struct Scribe {
    env: Arc<ActEnv>,
    hub: Hub,
    way: Way,
}

enum Way {
    /// To the writer thread; dropped first when the server stops, which ends the thread.
    Thread(Mutex<mpsc::Sender<Box<dyn Job>>>),
    Parallel(Box<Parallel>),
}

struct Parallel {
    database: Database,
    /// The line in front of the connections: first come, first served, which a pool does not promise. Who waits here needs no
    /// thread, so that pages are read while a rush stands in line.
    line: Arc<Semaphore>,
    turns: Turns,
    /// The sequencer's own: it must not stand in line behind acts that wait for it.
    sequencing: OwnConnection,
}

/// Acts that are committed wait here for their place in the log, without a connection, so that one run of the sequencer
/// serves all that came while the run before it was on its way.
#[derive(Default)]
struct Turns {
    state: Mutex<Turn>,
    over: Condvar,
}

#[derive(Default)]
struct Turn {
    running: bool,
    /// Number of the run that began last.
    begun: u64,
    /// Number of the last run whose work is durable.
    durable: u64,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, Turn> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Comes back when a run that began after this call is durable: one of somebody else's, or this caller's own.
    fn take_part(&self, run: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        let mut turn = self.state();
        let mine = turn.begun + 1;
        loop {
            if turn.durable >= mine {
                return Ok(());
            }
            if !turn.running {
                break;
            }
            turn = self.over.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        turn.running = true;
        turn.begun += 1;
        let number = turn.begun;
        drop(turn);
        let ending = Ending(self);
        run()?;
        self.state().durable = number;
        drop(ending);
        Ok(())
    }
}

/// Lets the next run begin, however this one ended.
struct Ending<'a>(&'a Turns);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.state().running = false;
        self.0.over.notify_all();
    }
}

impl Scribe {
    pub fn start(database: &Database, env: Arc<ActEnv>, hub: Hub) -> Result<Self, Fault> {
        env.sequencer.check(&mut *database.writer()?)?;
        if database.is_pg() {
            let parallel = Parallel {
                database: database.clone(),
                line: Arc::new(Semaphore::new(WRITERS_MAX as usize)),
                turns: Turns::default(),
                sequencing: OwnConnection::default(),
            };
            let scribe = Self { env, hub, way: Way::Parallel(Box::new(parallel)) };
            // whoever stopped between an act and its place in the log has left entries without one
            scribe.sequence_now(&mut *database.writer()?, scribe.env.clock.now())?;
            return Ok(scribe);
        }
        let (to, jobs) = mpsc::channel();
        let source = database.clone();
        let (thread_env, thread_hub) = (env.clone(), hub.clone());
        std::thread::Builder::new()
            .name("act-writer".into())
            .spawn(move || write_groups(&source, &jobs, &thread_env, &thread_hub))?;
        Ok(Self { env, hub, way: Way::Thread(Mutex::new(to)) })
    }

    /// A place among those whose act may run now; `None` where nobody needs one.
    ///
    /// # Errors
    /// The house is being left.
    pub async fn place(&self) -> Result<Option<OwnedSemaphorePermit>, Fault> {
        match &self.way {
            Way::Thread(_) => Ok(None),
            Way::Parallel(parallel) => Ok(Some(parallel.line.clone().acquire_owned().await?)),
        }
    }

    /// [`Scribe::place`]; blocks.
    ///
    /// # Errors
    /// As [`Scribe::place`].
    pub fn await_place(&self) -> Result<Option<OwnedSemaphorePermit>, Fault> {
        match &self.way {
            Way::Parallel(parallel) => match parallel.line.clone().try_acquire_owned() {
                Ok(place) => Ok(Some(place)),
                Err(_) => Waiting::here()?.on(self.place()),
            },
            Way::Thread(_) => Ok(None),
        }
    }

    /// Runs one act to its durable end, in its [place](Scribe::place). Blocks.
    pub fn act<T: Send + 'static>(
        &self,
        place: Option<OwnedSemaphorePermit>,
        caller: Caller,
        work: Work<T>,
    ) -> Result<Done<T>, Failure> {
        let begun = Instant::now();
        let done = self.run(place, caller, work)?;
        if !done.entries.is_empty() {
            self.env.metrics.act(begun.elapsed());
        }
        Ok(done)
    }

    fn run<T: Send + 'static>(
        &self,
        place: Option<OwnedSemaphorePermit>,
        caller: Caller,
        work: Work<T>,
    ) -> Result<Done<T>, Failure> {
        match &self.way {
            Way::Thread(to) => {
                let (reply, answer) = mpsc::sync_channel(1);
                let job = TypedJob { work: Some((caller, work)), result: None, traces: None, reply };
                let gone = |_| Fault::new("the writer has stopped; see the log");
                to.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .send(Box::new(job))
                    .map_err(|e| gone(e.to_string()))?;
                answer.recv().map_err(|e| gone(e.to_string()))?
            }
            Way::Parallel(parallel) => self.act_parallel(parallel, place, caller, work),
        }
    }

    fn act_parallel<T>(
        &self,
        parallel: &Parallel,
        place: Option<OwnedSemaphorePermit>,
        caller: Caller,
        work: Work<T>,
    ) -> Result<Done<T>, Failure> {
        let mut db = parallel.database.begin()?;
        let (result, mut traces) = run_in_transaction(&mut db, &self.env, caller, work)?;
        let late = std::mem::take(&mut traces.on_record);
        let entered = if result.is_ok() { !traces.entries.is_empty() } else { !late.is_empty() };
        if result.is_err() && entered {
            db.transaction(|db| {
                late.iter().try_for_each(|entry| entry.insert(db)).map_err(|e| Rollback(e.into()))
            })
            .map_err(Failure::from)?;
        }
        // whoever waits for a place needs no connection; there are fewer of them than there may be people
        drop(db);
        drop(place);
        if result.is_ok() {
            self.env.crash.pass(Point::Committed);
        }
        if entered {
            let Parallel { database, turns, sequencing, .. } = parallel;
            // the act counts already: a server that is being restarted is waited for. What is sequenced twice is sequenced once
            let until = Instant::now() + PATIENCE;
            turns.take_part(|| sequencing.on(database, until, |db| self.sequence_now(db, traces.at)))?;
        }
        let value = result?;
        self.env.crash.pass(Point::Unanswered);
        traces.topics.into_iter().for_each(|topic| self.hub.tell(topic));
        Ok(Done { value, at: traces.at, entries: traces.entries })
    }

    fn sequence_now(&self, db: &mut Db, now: Moment) -> Result<(), Fault> {
        let (before, begun) = (self.env.sequencer.mark(), Instant::now());
        let done = db.transaction(|db| self.env.sequencer.sequence(db, now).map_err(|e| Rollback(e.into())));
        match done {
            Ok(_) => {
                self.env.crash.pass(Point::Sequenced);
                remember(&self.env);
                self.env.committed(before.size(), begun.elapsed());
                Ok(())
            }
            Err(e) => {
                self.env.sequencer.forget(before)?;
                Err(Fault::new(e.to_string()))
            }
        }
    }
}

/// Carries a failure through diesel's transaction closure.
#[derive(Debug)]
struct Rollback(Failure);

impl std::fmt::Display for Rollback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<diesel::result::Error> for Rollback {
    fn from(error: diesel::result::Error) -> Self {
        Self(error.into())
    }
}

impl From<Rollback> for Failure {
    fn from(rollback: Rollback) -> Self {
        rollback.0
    }
}

/// Runs `work` in the transaction that has begun on `db`, and ends it.
fn run_in_transaction<T>(
    db: &mut Db,
    env: &ActEnv,
    caller: Caller,
    work: Work<T>,
) -> Result<(Result<T, Failure>, Traces), Failure> {
    let before = env.sequencer.mark();
    let mut act = Act::begin(db, env, caller);
    let result = catch_unwind(AssertUnwindSafe(|| work(&mut act)));
    let traces = act.end();
    let result = result.unwrap_or_else(|_| Err(Fault::new("a bug stopped this act; see the log").into()));
    env.crash.pass(Point::Working);
    let ended =
        if result.is_ok() { Manager::commit_transaction(db) } else { Manager::rollback_transaction(db) };
    if (ended.is_err() || result.is_err()) && env.sequencer.mark() != before {
        // this act had closed the log; what it signed was seen by nobody
        env.sequencer.forget(before)?;
    }
    ended?;
    Ok((result, traces))
}

fn write_groups(database: &Database, jobs: &mpsc::Receiver<Box<dyn Job>>, env: &ActEnv, hub: &Hub) {
    let mut connection: Option<Writer> = None;
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match jobs.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        let before = env.sequencer.mark();
        let outcome = write_on(&mut connection, database, &mut group, env).map_err(|fault| fault.chain());
        if let Err(why) = &outcome {
            // a full disk ends the transaction in the engine's own way: what diesel believes of it may be wrong now
            connection = None;
            tracing::error!(room = "ledger", why, "a group of acts was not written");
            if let Err(fault) = env.sequencer.forget(before) {
                tracing::error!(room = "ledger", %fault, "the signer can not be reset");
            }
        }
        group.into_iter().for_each(|job| job.finish(outcome.clone(), hub));
    }
}

fn write_on(
    connection: &mut Option<Writer>,
    database: &Database,
    group: &mut [Box<dyn Job>],
    env: &ActEnv,
) -> Result<(), Fault> {
    let db = match connection {
        Some(db) => db,
        None => connection.insert(database.writer()?),
    };
    write_group(db, group, env)
}

fn write_group(db: &mut Db, group: &mut [Box<dyn Job>], env: &ActEnv) -> Result<(), Fault> {
    if let Db::Lite(lite) = db {
        AnsiTransactionManager::begin_transaction_sql(lite, "BEGIN IMMEDIATE")?;
    }
    let (before, mut begun) = (env.sequencer.last().0, Instant::now());
    let written = write_jobs(db, group, env).and_then(|()| {
        begun = Instant::now();
        env.sequencer.sequence(db, env.clock.now())
    });
    if let Err(fault) = written {
        // the connection may already be out of the transaction (disk full); then there is nothing to undo
        let _ = Manager::rollback_transaction(db);
        return Err(fault);
    }
    env.crash.pass(Point::Working);
    Manager::commit_transaction(db)?;
    env.crash.pass(Point::Committed);
    env.crash.pass(Point::Sequenced);
    remember(env);
    env.committed(before, begun.elapsed());
    env.crash.pass(Point::Unanswered);
    Ok(())
}

/// What the signer's file says may lag behind (the disk of the keys is full): what is durable in the database is done, and
/// whoever did it must be told so.
fn remember(env: &ActEnv) {
    if let Err(fault) = env.sequencer.keep() {
        tracing::error!(room = "ledger", %fault, "the signer's state was not kept; the next act tries again");
    }
}

fn write_jobs(db: &mut Db, group: &mut [Box<dyn Job>], env: &ActEnv) -> Result<(), Fault> {
    for job in group.iter_mut() {
        let before = env.sequencer.mark();
        Manager::begin_transaction(db)?;
        if job.run(db, env) {
            Manager::commit_transaction(db)?;
        } else {
            Manager::rollback_transaction(db)?;
            if env.sequencer.mark() != before {
                env.sequencer.forget(before)?;
            }
            for entry in job.on_record() {
                entry.insert(db)?;
            }
        }
    }
    Ok(())
}
