//! The public list of tenders over HTTP, with 1, 4 and 16 times as many tenders. Promise: at least 10,000 pages a second
//! at 64 connections, p99 below 20 ms, and no slower with more tenders. Anchor: a bare actix server in the same process that
//! sends as many bytes without looking anything up. The clients run on the same machine and cost as much as the server.
//!
//! `cargo bench --bench list_page`
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use actix_web::{App, HttpResponse, HttpServer, web};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use sunbid::project::testing::{Shape, announced, staff};
use support::{connect, get, house, serve};

mod support;

const CONNECTIONS: usize = 64;
const RUN: Duration = Duration::from_secs(3);
const FEWEST: usize = 250;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path());
    let staff = staff(&house);
    let served = serve(house.house.clone());
    println!(
        "{:>8} {:>10} {:>8} {:>8} {:>12} {:>7} {:>7}",
        "tenders", "pages/s", "p50 ms", "p99 ms", "anchor/s", "ratio", "growth"
    );
    let (mut made, mut first) = (0, None);
    for times in [1, 4, 16] {
        while made < FEWEST * times {
            made += 1;
            let number = format!("TEST-{made:05}");
            announced(&house, &staff, &Shape { number, ..Shape::default() });
        }
        let page = get(&mut connect(served), "/tenders", "").bytes.len();
        let bare = serve_bytes(page);
        let (anchor, ..) = load(bare, "/");
        let (rate, p50, p99) = load(served, "/tenders");
        let first = *first.get_or_insert(rate);
        println!(
            "{made:>8} {rate:>10.0} {p50:>8.1} {p99:>8.1} {anchor:>12.0} {:>7.2} {:>7.2}",
            rate / anchor,
            first / rate
        );
    }
}

fn serve_bytes(body: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let body = web::Bytes::from(vec![b'x'; body]);
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let send = move || {
                let body = body.clone();
                App::new().route(
                    "/",
                    web::get().to(move || std::future::ready(HttpResponse::Ok().body(body.clone()))),
                )
            };
            HttpServer::new(send).tcp_nodelay(true).listen(listener).expect("a server").run().await
        })
    });
    address
}

/// Pages per second, and the 50th and 99th hundredth of the waits in milliseconds.
fn load(server: SocketAddr, path: &str) -> (f64, f64, f64) {
    let begun = Instant::now();
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let client = |_| {
            scope.spawn(move || {
                let (mut connection, mut waits) = (connect(server), Vec::new());
                while begun.elapsed() < RUN {
                    let asked = Instant::now();
                    get(&mut connection, path, "");
                    waits.push(asked.elapsed());
                }
                waits
            })
        };
        let running: Vec<_> = (0..CONNECTIONS).map(client).collect();
        running.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |part: usize| waits.get(waits.len() * part / 100).map_or(0.0, |wait| wait.as_secs_f64() * 1e3);
    (rate, at(50), at(99))
}
