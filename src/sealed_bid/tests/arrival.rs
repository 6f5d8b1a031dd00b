//! The reading of forms before anybody is signed in: what it may keep in memory.

use crate::sealed_bid::arrival::read;
use crate::tests::browser::runtime;
use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::web::Payload as Reading;
use actix_web::{FromRequest, test::TestRequest};
use futures_util::{StreamExt, stream};
use std::future::ready;
use tokio::sync::Semaphore;

fn form(chunks: &[&'static str]) -> Payload {
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
    Payload::Stream { payload: Box::pin(stream::iter(chunks)) }
}

async fn text(mut payload: Payload) -> String {
    let reading = Reading::from_request(&TestRequest::default().to_http_request(), &mut payload);
    String::from_utf8(reading.await.unwrap().to_bytes().await.unwrap().to_vec()).unwrap()
}

#[test]
fn a_form_takes_what_it_brings_and_one_without_room_is_read_in_its_turn_with_nothing_lost() {
    runtime().block_on(reads_forms());
}

async fn reads_forms() {
    let memory = Semaphore::new(10);
    let (small, whole) = read(form(&["12", "345", "67890"]), &memory).await.unwrap();
    assert!(whole, "ten bytes fit into ten");
    assert_eq!(text(small).await, "1234567890");
    assert_eq!(memory.available_permits(), 10, "what is whole takes nothing more");

    let (large, whole) = read(form(&["12", "345", "678901", "2"]), &memory).await.unwrap();
    assert!(!whole, "eleven do not, so nobody can say when it was here");
    assert_eq!(text(large).await, "123456789012");
    assert_eq!(memory.available_permits(), 10);

    // a sender who has brought three bytes and says nothing holds three
    let silent = stream::once(ready(Ok(Bytes::from_static(b"123")))).chain(stream::pending());
    let silent: Payload = Payload::Stream { payload: Box::pin(silent) };
    let waiting = read(silent, &memory);
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    assert_eq!(memory.available_permits(), 7);
}
