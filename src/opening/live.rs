//! Server-sent events of a hall: names of what changed and the server's time, never content. A page that hears `change`
//! asks for itself anew through the ordinary door.

use super::actions::topic;
use crate::account::who::Visitor;
use crate::expert_draw::actions::lot_topic;
use crate::ledger::Door;
use crate::platform::web::Answer;
use crate::project::store as projects;
use actix_web::http::header::ContentEncoding;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};

/// How often the time is sent when nothing happens; also keeps proxies from closing the line.
const CLOCK_EVERY: Duration = Duration::from_secs(15);
/// After this the browser connects anew, so that no line lives for ever.
const LIFE: Duration = Duration::from_secs(3600);

struct Line {
    door: Door,
    heard: Receiver<String>,
    topics: Vec<String>,
    born: Instant,
    greeted: bool,
}

/// `GET /opening/{number}/{lot}/events`.
pub async fn events_get(
    Visitor(who): Visitor,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = door.look(move |db| projects::seen_lot(db, &number, &lot, who.as_ref())).await?;
    Ok(events(&door, vec![topic(facts.lot), lot_topic(facts.lot)]))
}

/// The stream of events about these topics.
pub fn events(door: &Door, topics: Vec<String>) -> HttpResponse {
    let line =
        Line { heard: door.hub().listen(), door: door.clone(), topics, born: Instant::now(), greeted: false };
    let events = stream::unfold(line, |mut line| async move {
        if line.born.elapsed() > LIFE {
            return None;
        }
        let event = line.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(event)), line))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        // compression would hold events back
        .insert_header(ContentEncoding::Identity)
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(Box::pin(events))
}

impl Line {
    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            // what changed between the page and this line was told to nobody: have the page look once
            return Some(format!("retry: 2000\n{}event: change\ndata: 1\n\n", self.clock()));
        }
        loop {
            match timeout(CLOCK_EVERY, self.heard.recv()).await {
                Err(_) => return Some(self.clock()),
                Ok(Ok(topic)) if self.topics.contains(&topic) => {
                    return Some("event: change\ndata: 1\n\n".into());
                }
                Ok(Ok(_)) => {}
                // too slow to hear everything: look again
                Ok(Err(RecvError::Lagged(_))) => return Some("event: change\ndata: 1\n\n".into()),
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    }

    fn clock(&self) -> String {
        format!("event: clock\ndata: {}\n\n", self.door.now().micros())
    }
}
