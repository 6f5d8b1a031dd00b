//! Two gigabytes in a thousand files from a real browser; see `browser/walk/large_bid.mjs` for what breaks on the way.

use super::cable::Cable;
use super::program::Server;
use super::real_browser::walk_at;
use super::sending::{LARGE, Place};
use std::cell::RefCell;
use std::sync::PoisonError;

#[test]
fn two_gigabytes_in_a_thousand_files_go_from_a_browser_through_everything_that_breaks() {
    let _alone = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::with_disk(2700);
    place.make_files(1000, 2_147_484);
    let first = Server::start_on(&place.disk, &place.config);
    let address = first.address.clone();
    let cable = Cable::to(&address, &[]);
    let server = RefCell::new(Some(first));
    let mut peaks = Vec::new();
    let mut end = |server: Option<Server>| {
        let server = server.unwrap();
        peaks.push(server.memory_peak());
        server.kill();
    };
    walk_at("large_bid.mjs", &format!("http://{}", cable.address), |question| {
        match question {
            "files" => return place.folder.path().join("files").display().to_string(),
            "cut" => cable.cut(),
            "kill" => end(server.take()),
            "start" => *server.borrow_mut() = Some(Server::again_on(&place.disk, &place.config, &address)),
            "full" => place.disk.shrink(),
            "room" => place.disk.resize(2700),
            _ => panic!("the walk asked: {question}"),
        }
        "done".into()
    });
    end(server.take());
    let again = cable.sent() - place.check_bytes();
    println!("server memory {peaks:?} KiB, {again} bytes went twice or around the bid");
    assert!(again < 64 << 20, "{again} bytes more than the bid's own: what had arrived was sent again");
    assert!(peaks.iter().all(|peak| *peak < 256 << 10), "the server took {peaks:?} KiB");
    assert!(peaks[1] < peaks[0] + (64 << 10), "memory grows with the bytes: {peaks:?} KiB");
}
