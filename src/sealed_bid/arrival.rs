//! When a bid is handed in: at the moment at which the platform has the whole form, however long it then waits for its
//! turn. Under a rush the session of its sender alone may take a second to be looked up.

use crate::account::form::broken_off;
use crate::ledger::Door;
use crate::ledger::arrivals::Arrival;
use crate::platform::web::Failed;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use futures_util::{StreamExt, stream};
use std::future::{Ready, ready};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// Forms up to this many bytes are read before anything else. A manifest for 32 trustees has a quarter of it.
const EARLY_MAX: u64 = 64 << 10;
/// So many bytes of forms that are not whole yet lie in memory, since nobody is signed in yet here. Each form takes what it has brought
/// and no more: who brings nothing takes nothing. What has no room is read in its turn.
static MEMORY: Semaphore = Semaphore::const_new(64 << 20);
/// A form that takes longer has broken off.
const PATIENCE: Duration = Duration::from_secs(20);
/// So has one of which nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(10);

/// When the form of this request was here. Take it with [`Came::or_now`] after the form was read.
pub struct Came(Option<Arrival>);

impl Came {
    /// The form's arrival. One too long to be read early has arrived when its handler has it.
    pub fn or_now(self, door: &Door) -> Arrival {
        self.0.unwrap_or_else(|| door.arrive())
    }
}

impl FromRequest for Came {
    type Error = Failed;
    type Future = Ready<Result<Self, Failed>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.extensions_mut().remove::<Arrival>())))
    }
}

/// Whether this is what a deadline is about: a bid handed in or withdrawn, or a bidder's key.
fn is_deed(request: &ServiceRequest) -> bool {
    let path = request.path();
    let bid = path.starts_with("/sealed-bid/") && (path.ends_with("/submit") || path.ends_with("/withdraw"));
    let key = path.starts_with("/opening/") && path.ends_with("/key");
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length: Option<u64> = length.and_then(|length| length.parse().ok());
    request.method() == Method::POST && (bid || key) && length.is_some_and(|length| length <= EARLY_MAX)
}

/// Reads the forms that a deadline is about before anything is looked up, and notes when they were here.
///
/// # Errors
/// The form breaks off: then it has not arrived.
pub async fn receive<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if is_deed(&request) {
        let (payload, whole) = read(request.take_payload(), &MEMORY).await?;
        request.set_payload(payload);
        let arrival = request.app_data::<web::Data<Door>>().filter(|_| whole).map(|door| door.arrive());
        if let Some(arrival) = arrival {
            request.extensions_mut().insert(arrival);
        }
    }
    next.call(request).await
}

/// Reads a form as far as there is room in `memory`; gives it to be read again, and whether it is whole.
///
/// # Errors
/// It breaks off.
pub(super) async fn read(mut payload: Payload, memory: &Semaphore) -> Result<(Payload, bool), Failed> {
    let end = Instant::now() + PATIENCE;
    let (mut form, mut taken) = (BytesMut::new(), None);
    loop {
        let patience = SILENCE.min(end.saturating_duration_since(Instant::now()));
        let came = timeout(patience, payload.next()).await.map_err(|slow| Failed::from(broken_off(&slow)))?;
        let Some(chunk) = came else { return Ok((again(form, None), true)) };
        let chunk = chunk.map_err(|e| Failed::from(broken_off(&e)))?;
        form.extend_from_slice(&chunk);
        let room = u32::try_from(chunk.len()).ok().and_then(|size| memory.try_acquire_many(size).ok());
        match (room, &mut taken) {
            (None, _) => return Ok((again(form, Some(payload)), false)),
            (room, None) => taken = room,
            (Some(room), Some(taken)) => taken.merge(room),
        }
    }
}

/// What was read, and what is still to come.
fn again(form: BytesMut, rest: Option<Payload>) -> Payload {
    let read = stream::once(ready(Ok(Bytes::from(form))));
    let payload = read.chain(rest.unwrap_or(Payload::None));
    Payload::Stream { payload: Box::pin(payload) }
}
