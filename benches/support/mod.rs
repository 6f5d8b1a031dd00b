//! A server in the bench's own process, and clients as plain as they can be: one connection each, which stays open.
#![allow(dead_code)] // each bench uses its part

use diesel::{Connection as _, PgConnection, RunQueryDsl};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use sunbid::account::house::House;
use sunbid::account::testing::{BEGINNING, TestHouse};
use sunbid::app;
use sunbid::platform::config::Config;
use sunbid::platform::moment::{Clock, Moment};

/// A centre on SQLite in this folder, its clock set and standing.
pub fn house(folder: &Path) -> TestHouse {
    house_at(folder, format!("sqlite:{}", folder.join("bench.db").display()))
}

/// As [`house`], on PostgreSQL: `server` is the address of a database in which others may be made, and `name` the new one's.
pub fn house_on(folder: &Path, server: &str, name: &str) -> TestHouse {
    let (address, _) = server.rsplit_once('/').expect("postgres://host/database");
    let mut db = PgConnection::establish(server).expect("a server");
    diesel::sql_query(format!("CREATE DATABASE {name}")).execute(&mut db).expect("a database");
    house_at(folder, format!("{address}/{name}"))
}

fn house_at(folder: &Path, database_url: String) -> TestHouse {
    let config = Config {
        database_url,
        files: folder.join("files").display().to_string(),
        keys: folder.join("keys"),
        metrics: String::new(),
        ..Config::default()
    };
    let clock = Clock::set_at(Moment::parse(BEGINNING).expect("a moment"));
    TestHouse::of(House::open(config, clock.clone()).expect("a house"), clock, "no password")
}

/// Serves the house on a port of its own until the process ends.
pub fn serve(house: House) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        actix_web::rt::System::new()
            .block_on(async move { app::start(house, listener, Default::default()).expect("a server").await })
    });
    address
}

pub type Connection = BufReader<TcpStream>;

pub fn connect(server: SocketAddr) -> Connection {
    let stream = TcpStream::connect(server).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    BufReader::new(stream)
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub bytes: Vec<u8>,
}

/// Asks for a page, which must be there.
pub fn get(connection: &mut Connection, path: &str, cookie: &str) -> Answer {
    let answer = ask(connection, &format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{}\r\n", line(cookie)));
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.bytes));
    answer
}

/// Sends a form; [`answer`] waits for what comes back.
pub fn send_form(connection: &mut Connection, path: &str, cookie: &str, form: &str) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\n{}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        line(cookie),
        form.len()
    );
    connection.get_mut().write_all(head.as_bytes()).expect("it is sent");
}

fn line(cookie: &str) -> String {
    if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") }
}

fn ask(connection: &mut Connection, request: &str) -> Answer {
    connection.get_mut().write_all(request.as_bytes()).expect("it is sent");
    answer(connection)
}

/// What comes back for the request that was sent last.
pub fn answer(connection: &mut Connection) -> Answer {
    let (mut line, mut length, mut location) = (String::new(), 0, String::new());
    connection.read_line(&mut line).expect("an answer");
    let status = line.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
    loop {
        line.clear();
        connection.read_line(&mut line).expect("a header");
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().expect("a length"),
            "location" => location = value.trim().to_owned(),
            _ => {}
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut bytes = vec![0; length];
    connection.read_exact(&mut bytes).expect("a body");
    Answer { status, location, bytes }
}
