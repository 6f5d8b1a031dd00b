//! The town hall: the only module that knows every room. Mounts routes, starts jobs, serves.

use crate::account::house::House;
use crate::account::route::Route;
use crate::account::session;
use crate::ledger::Door;
use crate::platform::refusal::{Fault, Refused};
use crate::platform::web::{Failed, assets, headers};
use crate::{account, demo, ledger, open_data, sealed_bid};
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use std::net::TcpListener;

/// Every route of every room, in street order.
pub fn routes() -> Vec<Route> {
    let rooms = [
        account::pages::routes(),
        sealed_bid::trustees_pages::routes(),
        open_data::log::routes(),
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

/// Database and log answer; a load balancer may send people here.
async fn readyz(door: web::Data<Door>) -> HttpResponse {
    match door.look(|db| Ok(ledger::store::head(db)?)).await {
        Ok(_) => HttpResponse::Ok().body("ready\n"),
        Err(_) => HttpResponse::ServiceUnavailable().body("the database does not answer\n"),
    }
}

/// Serves the house on `listener` until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// The socket can not be used.
pub async fn serve(house: House, listener: TcpListener) -> Result<(), Fault> {
    start(house, listener)?.await?;
    Ok(())
}

/// Starts serving and returns the running server; tests hold its handle.
///
/// # Errors
/// The socket can not be used.
pub fn start(house: House, listener: TcpListener) -> Result<actix_web::dev::Server, Fault> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(house.door.clone()))
            .app_data(web::Data::new(house.authority.clone()))
            .app_data(web::PayloadConfig::new(1 << 20))
            .wrap(from_fn(session::recognise))
            .wrap(Compress::default())
            .wrap(from_fn(headers::guard))
            .configure(configure)
    });
    // without tcp_nodelay streamed answers wait 40 ms for the other side's acknowledgement
    let server = server.tcp_nodelay(true).shutdown_timeout(5).listen(listener)?.run();
    Ok(server)
}
