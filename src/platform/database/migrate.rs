//! Migrations: two trees with the same names, one for each engine, embedded in the binary.

use super::Db;
use crate::platform::refusal::Fault;
use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Any number that no other user of the same PostgreSQL server is likely to lock.
const ADVISORY_LOCK: i64 = 0x5375_6e62_6964;

/// Brings the tables up to date. On PostgreSQL several starting servers take turns under an advisory lock.
///
/// # Errors
/// A migration fails; the database stays at the last good one.
pub fn migrate(db: &mut Db) -> Result<(), Fault> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| Fault::new(format!("migration: {e}"));
    match db {
        Db::Lite(lite) => {
            lite.run_pending_migrations(SQLITE).map_err(failed)?;
        }
        Db::Pg(pg) => {
            pg.batch_execute(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})"))?;
            let done = pg.run_pending_migrations(POSTGRES).map(|_| ()).map_err(failed);
            pg.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})"))?;
            done?;
        }
    }
    Ok(())
}

/// How many migrations wait to be run.
///
/// # Errors
/// The database does not answer.
pub fn pending(db: &mut Db) -> Result<usize, Fault> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| Fault::new(format!("migrations: {e}"));
    match db {
        Db::Lite(lite) => lite.pending_migrations(SQLITE).map(|list| list.len()).map_err(failed),
        Db::Pg(pg) => pg.pending_migrations(POSTGRES).map(|list| list.len()).map_err(failed),
    }
}
