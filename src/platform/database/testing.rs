//! Fresh databases for tests, on both engines: a SQLite file in a temporary folder, and a database of a real
//! PostgreSQL server that this test process starts for itself and stops at its end.

use super::{Db, Place, migrate};
use diesel::connection::SimpleConnection;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// The two engines that every store test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A new migrated database and the folder that holds it; keep the folder alive as long as the database.
pub fn fresh(engine: Engine) -> (String, tempfile::TempDir) {
    let folder = tempfile::Builder::new().prefix("sunbid-test-").tempdir().expect("a temporary folder");
    let url = match engine {
        Engine::Sqlite => format!("sqlite:{}/test.db", folder.path().display()),
        Engine::Postgres => server().new_database(),
    };
    (url, folder)
}

/// Makes two tests, `name::sqlite` and `name::postgres`, from one function of an [`Engine`].
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident)+) => { $(
        mod $name {
            #[test]
            fn sqlite() {
                super::$name($crate::platform::database::testing::Engine::Sqlite);
            }
            #[test]
            fn postgres() {
                super::$name($crate::platform::database::testing::Engine::Postgres);
            }
        }
    )+ };
}

/// One value of a query that a test asks.
#[derive(diesel::QueryableByName)]
struct Said {
    #[diesel(sql_type = diesel::sql_types::Text)]
    said: String,
}

/// The column `said`, a text, of every row that `sql` finds.
pub fn ask(db: &mut Db, sql: String) -> Vec<String> {
    use diesel::RunQueryDsl;
    let rows: Vec<Said> = diesel::sql_query(sql).load(db).expect("a plain question is answered");
    rows.into_iter().map(|row| row.said).collect()
}

/// The names of all tables.
fn tables(db: &mut Db) -> Vec<String> {
    let names = match db {
        Db::Lite(_) => "SELECT name AS said FROM sqlite_master WHERE type = 'table' ORDER BY name",
        Db::Pg(_) => {
            "SELECT tablename::text AS said FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        }
    };
    ask(db, names.to_owned())
}

/// Every row of every table as a thief of the database would read it, each behind its table's name; bytes in hex.
pub fn everything(db: &mut Db) -> Vec<String> {
    let mut out = Vec::new();
    for table in tables(db) {
        let row = match db {
            Db::Lite(_) => {
                let columns = ask(db, format!("SELECT name AS said FROM pragma_table_info('{table}')"));
                let text = |column: &String| {
                    format!(
                        "CASE typeof(\"{column}\") WHEN 'blob' THEN lower(hex(\"{column}\")) ELSE ifnull(\"{column}\", '') END"
                    )
                };
                columns.iter().map(text).collect::<Vec<_>>().join(" || '|' || ")
            }
            Db::Pg(_) => format!("\"{table}\"::text"),
        };
        let rows = ask(db, format!("SELECT {row} AS said FROM \"{table}\" ORDER BY 1"));
        out.extend(rows.into_iter().map(|row| format!("{table}|{row}")));
    }
    out
}

/// What somebody could tell the rows of every table apart by, without any key: for each row its table, the kind and length of
/// each value, and the numbers themselves in tables whose name begins with `exact`, unless they are moments.
pub fn shapes(db: &mut Db, exact: &str) -> Vec<String> {
    let mut out = Vec::new();
    for table in tables(db) {
        let columns = match db {
            Db::Lite(_) => format!("SELECT name AS said FROM pragma_table_info('{table}') ORDER BY name"),
            Db::Pg(_) => format!(
                "SELECT column_name::text AS said FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY 1"
            ),
        };
        let number = |column: &str| {
            if !table.starts_with(exact) {
                return "'number'".to_owned();
            }
            format!(
                "CASE WHEN \"{column}\" > 1000000000000000 THEN 'moment' ELSE CAST(\"{column}\" AS TEXT) END"
            )
        };
        let lite = |column: &String| {
            let (text, number) = (format!("typeof(\"{column}\") || length(\"{column}\")"), number(column));
            format!(
                "CASE typeof(\"{column}\") WHEN 'null' THEN 'null' WHEN 'integer' THEN {number} ELSE {text} END"
            )
        };
        let columns = ask(db, columns);
        let row: Vec<String> = match db {
            Db::Lite(_) => columns.iter().map(lite).collect(),
            Db::Pg(_) => {
                let kind = |db: &mut Db, column: &String| {
                    ask(
                        db,
                        format!(
                            "SELECT data_type::text AS said FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' AND column_name = '{column}'"
                        ),
                    )
                };
                let mut row = Vec::new();
                for column in &columns {
                    let shown = match kind(db, column).concat().as_str() {
                        "bigint" | "integer" => number(column),
                        "boolean" => format!("\"{column}\"::text"),
                        "text" | "bytea" => format!("'text' || length(\"{column}\")"),
                        _ => format!("'text' || length(\"{column}\"::text)"),
                    };
                    row.push(format!("coalesce({shown}, 'null')"));
                }
                row
            }
        };
        let rows = ask(db, format!("SELECT {} AS said FROM \"{table}\"", row.join(" || '|' || ")));
        out.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    out
}

struct Server {
    port: u16,
    next: AtomicU32,
    template: Mutex<bool>,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// Stops the server at the end of the process even when a test panicked: its watcher sees our pid vanish.
struct Watched(#[allow(dead_code)] Child);
static WATCHED: Mutex<Option<Watched>> = Mutex::new(None);

impl Server {
    fn start() -> Self {
        let bin = binaries();
        let folder = std::env::temp_dir().join(format!("sunbid-test-pg-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for PostgreSQL");
        let port = free_port();
        let data = folder.join("data");
        // initdb and postgres refuse to run as root, so they run as the user that Debian's package made
        let root = std::process::Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
        if root {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let command = |program: &str| {
            let mut command = Command::new(if root { "runuser" } else { "env" });
            if root {
                command.args(["-u", "postgres", "--"]);
            }
            command.arg(bin.join(program));
            command
        };
        run(command("initdb")
            .args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data));
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections=300",
            folder.display()
        );
        run(command("pg_ctl")
            .args(["-w", "-s", "-D"])
            .arg(&data)
            .args(["-l"])
            .arg(folder.join("log"))
            .args(["-o", &options, "start"]));
        let stop = format!(
            "while kill -0 {} 2>/dev/null; do sleep 1; done; {} {}/pg_ctl -s -m immediate -D {} stop; rm -rf {}",
            std::process::id(),
            if root { "runuser -u postgres --" } else { "env" },
            bin.display(),
            data.display(),
            folder.display()
        );
        let watcher = Command::new("setsid")
            .args(["sh", "-c", &stop])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        *WATCHED.lock().expect("no test panicked here") =
            Some(Watched(watcher.expect("a watcher for PostgreSQL")));
        Self { port, next: AtomicU32::new(0), template: Mutex::new(false) }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn new_database(&self) -> String {
        let mut made = self.template.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut admin = Place::Postgres(self.url("postgres")).connect().expect("PostgreSQL answers");
        if !*made {
            sql(&mut admin, "CREATE DATABASE migrated");
            let mut template = Place::Postgres(self.url("migrated")).connect().expect("PostgreSQL answers");
            migrate(&mut template).expect("the migrations run");
            *made = true;
        }
        let name = format!("t{}", self.next.fetch_add(1, Ordering::SeqCst));
        sql(&mut admin, &format!("CREATE DATABASE {name} TEMPLATE migrated"));
        self.url(&name)
    }
}

fn sql(db: &mut Db, text: &str) {
    match db {
        Db::Lite(lite) => lite.batch_execute(text),
        Db::Pg(pg) => pg.batch_execute(text),
    }
    .expect("a plain statement runs");
}

fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    found.retain(|bin| bin.join("initdb").exists());
    found.sort();
    found.pop().expect("PostgreSQL server is missing: apt-get install postgresql (bin/test does it)")
}

fn run(command: &mut Command) {
    let done = command
        .current_dir(Path::new("/"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status();
    assert!(done.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?} failed: {done:?}");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}
