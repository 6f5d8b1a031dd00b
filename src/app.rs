//! The town hall: the only module that knows every room. Mounts routes, starts jobs, serves.

use crate::account::house::House;
use crate::account::limits::SignInLimits;
use crate::account::route::{Access, Route};
use crate::account::session;
use crate::ledger::{Actor, Door, witnessing};
use crate::opening::progress::Progress;
use crate::platform::metrics::Metrics;
use crate::platform::moment::{MINUTE, SECOND};
use crate::platform::queue;
use crate::platform::refusal::{Fault, Refused};
use crate::platform::web::{Failed, assets, headers};
use crate::sealed_bid::senders::Senders;
use crate::{
    account, demo, deposit, evaluation, expert_draw, ledger, message, open_data, opening, outage, project,
    recording, sealed_bid, supervision,
};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, HttpResponse, HttpServer};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio_cron_scheduler::JobScheduler;

/// Every route of every room, in street order.
pub fn routes() -> Vec<Route> {
    let rooms = [
        account::pages::routes(),
        message::pages::routes(),
        project::pages::routes(),
        outage::pages::routes(),
        crate::announcement::pages::routes(),
        crate::clarification::pages::routes(),
        crate::portal::pages::routes(),
        deposit::pages::routes(),
        sealed_bid::trustees_pages::routes(),
        sealed_bid::drill_pages::routes(),
        sealed_bid::tus::routes(),
        sealed_bid::hand_in::routes(),
        sealed_bid::program::routes(),
        sealed_bid::pages::routes(),
        expert_draw::pages::routes(),
        recording::pages::routes(),
        opening::pages::routes(),
        evaluation::pages::routes(),
        crate::publication::pages::routes(),
        crate::objection::pages::routes(),
        supervision::pages::routes(),
        open_data::log::routes(),
        open_data::evidence::pages::routes(),
        open_data::receipt::routes(),
        demo::pages::routes(),
    ];
    rooms.into_iter().flatten().collect()
}

/// Mounts everything but the middlewares.
pub fn configure(config: &mut ServiceConfig) {
    for route in routes() {
        (route.register)(config);
    }
    config
        .route("/assets/{hash}/{name}", web::get().to(assets::get))
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .default_service(web::to(not_found));
}

async fn not_found() -> Result<HttpResponse, Failed> {
    Err(Refused::new(404, "platform.refusal.not_found").into())
}

/// The process lives.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

/// Database and log answer and bids can be kept; a load balancer may send people here.
async fn readyz(door: web::Data<Door>) -> HttpResponse {
    if !door.keeps_files() {
        return HttpResponse::ServiceUnavailable().body("the files can not be written\n");
    }
    match door.look(|db| Ok(ledger::store::head(db)?)).await {
        Ok(_) => HttpResponse::Ok().body("ready\n"),
        Err(_) => HttpResponse::ServiceUnavailable().body("the database does not answer\n"),
    }
}

/// What the clock does: a name, how often in microseconds, and the work. Nothing lawful waits for it; it only makes
/// visible what time has already decided.
pub struct Job {
    pub name: &'static str,
    pub every: i64,
    pub run: fn(&House) -> Result<(), Fault>,
}

/// Every job of every room.
pub fn jobs() -> Vec<Job> {
    vec![
        Job { name: "message", every: MINUTE / 12, run: |house| message::jobs::due(&house.door) },
        Job { name: "deposit", every: 10 * MINUTE, run: |house| deposit::jobs::due(&house.door) },
        Job { name: "sealed_bid", every: 10 * MINUTE, run: |house| sealed_bid::jobs::due(&house.door) },
        Job { name: "recording", every: MINUTE, run: recording::jobs::run },
        Job { name: "opening", every: MINUTE / 6, run: |house| opening::jobs::due(&house.door) },
        Job { name: "witnesses", every: 4 * SECOND, run: |house| witnessing::run(&house.door) },
        Job { name: "cover", every: 2 * SECOND, run: |house| witnessing::cover(&house.door, 2) },
        Job { name: "cover_bid", every: 2 * SECOND, run: |house| sealed_bid::cover::due(&house.door, 2) },
    ]
}

/// Leaves a pulse, if bids can be taken by this server. No job of the list, which one server does for all: each tries its own
/// way to the files, and the centre lives as long as one of them can keep a bid.
///
/// # Errors
/// They can not, or the database fails: then the next pulse, of whichever server, finds how long that was.
pub fn pulse(door: &Door) -> Result<(), Fault> {
    sealed_bid::able::check(door)?;
    outage::jobs::due(door)
}

/// Runs the jobs whose slot has come and is not taken by another server. A job that fails is told in the log and tried
/// again in its next slot.
pub fn run_due_jobs(house: &House) {
    for job in jobs() {
        let (name, every, now) = (job.name, job.every, house.door.now());
        let claimed = house
            .door
            .write(Actor::system("clock"), move |act| Ok(queue::claim(act.db(), name, every, now)?));
        let done = match claimed {
            Ok(done) if done.value => (job.run)(house).map_err(|fault| fault.chain()),
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.to_string()),
        };
        house.door.metrics().job(name, done.is_ok());
        if let Err(why) = done {
            tracing::error!(job = name, why, "a job failed");
        }
    }
}

async fn start_ticker(house: House) -> Result<JobScheduler, Fault> {
    let (ticker, house_too) = (JobScheduler::new().await?, house.clone());
    let tick = tokio_cron_scheduler::Job::new_repeated_async(TICK, move |_, _| {
        let house = house.clone();
        Box::pin(async move {
            let work = move || {
                run_due_jobs(&house);
                // no job of the list: every server has a folder of its own
                if let Err(fault) = house.door.publish_log() {
                    tracing::error!(why = fault.chain(), "the files of the log are not up to date");
                }
            };
            if let Err(stopped) = tokio::task::spawn_blocking(work).await {
                tracing::error!(%stopped, "the jobs stopped");
            }
        })
    })?;
    ticker.add(tick).await?;
    ticker.add(tell_arrivals(house_too.clone())?).await?;
    ticker.add(leave_pulses(house_too)?).await?;
    ticker.start().await?;
    Ok(ticker)
}

/// Tells other servers, beside all jobs, who is through here: their closings wait for it.
fn tell_arrivals(house: House) -> Result<tokio_cron_scheduler::Job, Fault> {
    Ok(tokio_cron_scheduler::Job::new_repeated_async(Duration::from_secs(1), move |_, _| {
        let house = house.clone();
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || house.door.tell_arrivals()).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => {
                    tracing::error!(why = fault.chain(), "other servers do not hear of this one")
                }
                Err(stopped) => tracing::error!(%stopped, "other servers do not hear of this one"),
            }
        })
    })?)
}

/// Leaves pulses, beside all jobs: a server whose files hang must not keep others waiting.
fn leave_pulses(house: House) -> Result<tokio_cron_scheduler::Job, Fault> {
    let beating = Arc::new(Semaphore::new(1));
    Ok(tokio_cron_scheduler::Job::new_repeated_async(Duration::from_secs(10), move |_, _| {
        let (house, beating) = (house.clone(), beating.clone());
        Box::pin(async move {
            let Ok(_turn) = beating.try_acquire() else {
                // the one before still hangs: until its files answer, this server can keep no bid
                return house.door.note_files(false);
            };
            let metrics = house.door.metrics().clone();
            let left = tokio::task::spawn_blocking(move || pulse(&house.door)).await;
            metrics.job("outage", matches!(left, Ok(Ok(()))));
            match left {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => tracing::error!(why = fault.chain(), "no pulse was left"),
                Err(stopped) => tracing::error!(%stopped, "no pulse was left"),
            }
        })
    })?)
}

/// The rows whose answers are counted one by one: what everybody may read. The sealed bids' own pages are not among
/// them, since who reads those is about to bid.
fn counted_routes() -> &'static BTreeMap<String, (&'static str, &'static str)> {
    static COUNTED: OnceLock<BTreeMap<String, (&'static str, &'static str)>> = OnceLock::new();
    COUNTED.get_or_init(|| {
        routes()
            .into_iter()
            .filter(|route| route.access == Access::Everybody && !route.path.starts_with("/sealed-bid/"))
            .map(|route| (format!("{} {}", route.method, route.path), (route.method, route.path)))
            .collect()
    })
}

/// Counts answers for `/metrics`.
async fn measure<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let begun = Instant::now();
    let metrics = request.app_data::<web::Data<Door>>().map(|door| door.metrics().clone());
    let method = request.method().clone();
    let answer = next.call(request).await;
    let (pattern, status) = match &answer {
        Ok(response) => (response.request().match_pattern(), response.status().as_u16()),
        Err(error) => (None, error.as_response_error().status_code().as_u16()),
    };
    let Some(metrics) = metrics else { return answer };
    let row = pattern.and_then(|pattern| counted_routes().get(&format!("{method} {pattern}")));
    match row {
        Some((method, route)) => metrics.public_page(method, route, status, begun.elapsed()),
        None => metrics.inner_page(status),
    }
    answer
}

async fn metrics_get(metrics: web::Data<Metrics>) -> Result<HttpResponse, Failed> {
    let text = metrics.text()?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(HttpResponse::Ok().insert_header(("content-type", kind)).body(text))
}

/// Starts answering `/metrics` on its own address, if one is configured and free. A centre does not stand still
/// because nobody can count.
fn start_metrics(house: &House) -> Option<actix_web::dev::ServerHandle> {
    let address = house.door.config().metrics.clone();
    if address.is_empty() {
        return None;
    }
    let metrics = web::Data::new(house.door.metrics().clone());
    let server = TcpListener::bind(&address).and_then(|listener| {
        HttpServer::new(move || {
            App::new().app_data(metrics.clone()).route("/metrics", web::get().to(metrics_get))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
    });
    match server {
        Ok(server) => {
            let server = server.run();
            let handle = server.handle();
            actix_web::rt::spawn(server);
            Some(handle)
        }
        Err(why) => {
            tracing::warn!(address, %why, "metrics are not served");
            None
        }
    }
}

/// How often the jobs are looked at.
const TICK: Duration = Duration::from_secs(2);

/// Serves the house on `listener` until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// The socket can not be used.
pub async fn serve(house: House, listener: TcpListener) -> Result<(), Fault> {
    // whoever comes in finds the deadlines as they are after the time that we were away
    let door = house.door.clone();
    let begin = move || match sealed_bid::able::check(&door) {
        Ok(()) => outage::jobs::due(&door),
        Err(why) => {
            tracing::error!(why = why.chain(), "the platform begins without a pulse");
            Ok(())
        }
    };
    actix_web::web::block(begin).await.map_err(|e| Fault::new(e.to_string()))??;
    let mut ticker = start_ticker(house.clone()).await?;
    let metrics = start_metrics(&house);
    start(house, listener, Progress::default())?.await?;
    if let Some(metrics) = metrics {
        metrics.stop(false).await;
    }
    ticker.shutdown().await?;
    Ok(())
}

/// Starts serving and returns the running server; tests hold its handle, and the openings that run.
///
/// # Errors
/// The socket can not be used.
pub fn start(
    house: House,
    listener: TcpListener,
    progress: Progress,
) -> Result<actix_web::dev::Server, Fault> {
    let limits = web::Data::new(SignInLimits::new(house.door.config()));
    let progress = web::Data::new(progress);
    // before anybody can come: other servers wait for us from now on
    house.door.tell_arrivals()?;
    let senders = web::Data::new(Senders::of(house.door.config()));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(limits.clone())
            .app_data(progress.clone())
            .app_data(senders.clone())
            .app_data(web::Data::new(house.door.clone()))
            .app_data(web::Data::new(house.authority.clone()))
            .app_data(web::PayloadConfig::new(1 << 20))
            .wrap(from_fn(session::recognise))
            .wrap(from_fn(sealed_bid::arrival::receive))
            .wrap(Compress::default())
            .wrap(from_fn(headers::guard))
            .wrap(from_fn(measure))
            .configure(configure)
    });
    // without tcp_nodelay streamed answers wait 40 ms for the other side's acknowledgement
    let server = server.tcp_nodelay(true).shutdown_timeout(5).listen(listener)?.run();
    Ok(server)
}
