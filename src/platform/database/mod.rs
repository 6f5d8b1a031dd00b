//! One database door for two engines: SQLite embedded, PostgreSQL at scale, from the same code.
//!
//! [`Db`] is diesel's `MultiConnection`: store functions take `&mut Db` and never ask which engine it is. Types
//! are the portable ones (BIGINT, INTEGER, TEXT, BLOB/BYTEA, BOOLEAN). Reading goes through [`Database::read`];
//! writing only through the Act (`ledger::act`), which alone may open a [`Writer`].

mod migrate;
#[cfg(test)]
pub mod testing;

use super::refusal::Fault;
use diesel::Connection;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use diesel::sqlite::SqliteConnection;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use migrate::{migrate, pending};

/// A connection to either engine.
#[derive(diesel::MultiConnection)]
pub enum Db {
    Lite(SqliteConnection),
    Pg(PgConnection),
}

impl Db {
    /// Whether this is PostgreSQL, for the few statements that differ.
    pub fn is_pg(&self) -> bool {
        matches!(self, Self::Pg(_))
    }
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Sqlite(String),
    Postgres(String),
}

impl Place {
    /// Reads `sqlite:PATH` or a `postgres://` URL.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(url: &str) -> Result<Self, Fault> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            Ok(Self::Sqlite(path.to_owned()))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self::Postgres(url.to_owned()))
        } else {
            Err(Fault::new("the database URL must begin with sqlite: or postgres://"))
        }
    }

    /// A new connection that may write.
    pub(crate) fn connect(&self) -> Result<Db, Fault> {
        match self {
            Self::Sqlite(path) => {
                if let Some(folder) = std::path::Path::new(path).parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let mut lite = SqliteConnection::establish(path)?;
                // FULL: an answer goes out only after the bytes are on the disk
                lite.batch_execute(
                    "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
                )?;
                Ok(Db::Lite(lite))
            }
            Self::Postgres(url) => Ok(Db::Pg(PgConnection::establish(url)?)),
        }
    }

    /// [`Place::connect`] for acts and pages, which find rows by their keys. PostgreSQL plans a statement once for each connection:
    /// made while a table was empty, the plan is to read all of it, and stays so when a rush has filled the table. (What has no
    /// index is read whole all the same.)
    fn connect_by_keys(&self) -> Result<Db, Fault> {
        let mut db = self.connect()?;
        if let Db::Pg(pg) = &mut db {
            pg.batch_execute("SET enable_seqscan = off; SET jit = off")?;
        }
        Ok(db)
    }
}

/// A connection of a pool.
pub(crate) struct Lent {
    db: Db,
    used: Instant,
    /// Something failed on it: it may be dead.
    doubtful: bool,
}

/// A connection that lay idle for longer is asked whether its server is still there (it may have been restarted) before it is lent.
/// In a rush none lies so long.
const IDLE: Duration = Duration::from_millis(20);

impl Lent {
    fn new(db: Db) -> Self {
        Self { db, used: Instant::now(), doubtful: false }
    }

    fn check(&mut self) -> Result<(), PoolError> {
        if self.db.is_pg() && (self.doubtful || self.used.elapsed() > IDLE) {
            self.db.ping().map_err(|e| PoolError(e.to_string()))?;
            self.doubtful = false;
        }
        Ok(())
    }

    /// It is given back now.
    fn is_broken(&mut self) -> bool {
        self.used = Instant::now();
        self.db.is_broken()
    }
}

impl Deref for Lent {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Db {
        &mut self.db
    }
}

struct ReaderPool(Place);

impl r2d2::ManageConnection for ReaderPool {
    type Connection = Lent;
    type Error = PoolError;

    fn connect(&self) -> Result<Lent, PoolError> {
        let mut db = self.0.connect_by_keys().map_err(|e| PoolError(e.chain()))?;
        let guard = match &mut db {
            Db::Lite(lite) => lite.batch_execute("PRAGMA query_only=ON"),
            Db::Pg(pg) => pg.batch_execute("SET default_transaction_read_only = on"),
        };
        guard.map_err(|e| PoolError(e.to_string()))?;
        Ok(Lent::new(db))
    }

    fn is_valid(&self, lent: &mut Lent) -> Result<(), PoolError> {
        lent.check()
    }

    fn has_broken(&self, lent: &mut Lent) -> bool {
        lent.is_broken()
    }
}

/// A connection could not be had.
#[derive(Debug, thiserror::Error)]
#[error("database connection: {0}")]
pub struct PoolError(String);

/// A connection that may write, lent by the pool.
pub(crate) type Writer = r2d2::PooledConnection<WriterPool>;

/// The kind of pool that writers come from; nameable only so that [`Writer`] is.
pub(crate) struct WriterPool(Place);

impl r2d2::ManageConnection for WriterPool {
    type Connection = Lent;
    type Error = PoolError;

    fn connect(&self) -> Result<Lent, PoolError> {
        self.0.connect_by_keys().map(Lent::new).map_err(|e| PoolError(e.chain()))
    }

    fn is_valid(&self, lent: &mut Lent) -> Result<(), PoolError> {
        lent.check()
    }

    fn has_broken(&self, lent: &mut Lent) -> bool {
        lent.is_broken()
    }
}

/// The pools of one database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    place: Place,
    readers: r2d2::Pool<ReaderPool>,
    writers: Arc<r2d2::Pool<WriterPool>>,
}

/// A connection that may write for one kind of work alone, opened when it is first needed: it stands in no line. Only the ledger
/// has such.
#[derive(Default)]
pub(crate) struct OwnConnection(Mutex<Option<Db>>);

/// How long to wait between tries to reach a server that is being restarted.
const AGAIN: Duration = Duration::from_millis(100);

impl OwnConnection {
    /// Does `work` on it. After an error the next work opens another one. If the connection that was kept turns out to be dead,
    /// `work` is done again on a new one: so it must be safe to repeat, also when nobody knows whether its first try became durable.
    /// A server that can not be reached is tried again `until` then.
    ///
    /// # Errors
    /// No connection, or what `work` gives.
    pub fn on<T>(
        &self,
        database: &Database,
        until: Instant,
        work: impl Fn(&mut Db) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut db) = kept.take() {
            match work(&mut db) {
                Ok(done) => {
                    *kept = Some(db);
                    return Ok(done);
                }
                Err(fault) if db.ping().is_ok() => return Err(fault),
                Err(fault) => tracing::warn!(why = fault.chain(), "a connection that was kept is dead"),
            }
        }
        let mut db = loop {
            match database.place.connect_by_keys() {
                Err(_) if Instant::now() < until => std::thread::sleep(AGAIN),
                other => break other?,
            }
        };
        let done = work(&mut db)?;
        *kept = Some(db);
        Ok(done)
    }
}

/// More connections than this only queue up inside the engine (measured on two cores).
pub(crate) const READERS_MAX: u32 = 8;
/// So many acts at once, on PostgreSQL.
pub(crate) const WRITERS_MAX: u32 = 12;

impl Database {
    /// Opens the database at `url` and brings its tables up to date.
    ///
    /// # Errors
    /// The URL is of no known kind, the server does not answer, or a migration fails.
    pub fn open(url: &str) -> Result<Self, Fault> {
        let place = Place::parse(url)?;
        migrate(&mut place.connect()?)?;
        let wait = Duration::from_secs(30);
        let readers = r2d2::Pool::builder()
            .max_size(READERS_MAX)
            .min_idle(Some(1))
            .test_on_check_out(true)
            .connection_timeout(wait)
            .build(ReaderPool(place.clone()))?;
        // SQLite has one writer: the thread of the Act
        let max = if matches!(place, Place::Sqlite(_)) { 1 } else { WRITERS_MAX };
        let writers = r2d2::Pool::builder()
            .max_size(max)
            .min_idle(Some(0))
            .test_on_check_out(true)
            .connection_timeout(wait)
            .build(WriterPool(place.clone()))?;
        Ok(Self { place, readers, writers: Arc::new(writers) })
    }

    pub fn is_pg(&self) -> bool {
        matches!(self.place, Place::Postgres(_))
    }

    /// Runs `work` on a read-only connection. Blocking; pages call it inside `web::block`.
    ///
    /// # Errors
    /// No connection in time, or whatever `work` gives.
    pub fn read<T, E: From<Fault>>(&self, work: impl FnOnce(&mut Db) -> Result<T, E>) -> Result<T, E> {
        let mut lent = self.readers.get().map_err(Fault::from)?;
        let read = work(&mut lent);
        lent.doubtful = read.is_err();
        read
    }

    /// A connection that may write. Only the Act calls this.
    pub(crate) fn writer(&self) -> Result<Writer, Fault> {
        Ok(self.writers.get()?)
    }

    /// [`Database::writer`], with a transaction begun on it. A connection that has died since it was used last is thrown away:
    /// nothing was done on it yet.
    pub(crate) fn begin(&self) -> Result<Writer, Fault> {
        let mut tries = 0..WRITERS_MAX;
        loop {
            let mut lent = self.writer()?;
            match <Db as Connection>::TransactionManager::begin_transaction(&mut lent) {
                Ok(()) => return Ok(lent),
                Err(_) if tries.next().is_some() => lent.doubtful = true,
                Err(dead) => return Err(dead.into()),
            }
        }
    }
}
