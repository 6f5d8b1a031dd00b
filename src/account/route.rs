//! Routes as rows: method, path, who may come in, handler. The service and the table of route × role that a test
//! walks are made from the same rows.

use super::role::Role;
use super::who;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::ServiceConfig;

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Signed in or not.
    Everybody,
    /// Signed in, in any role.
    SignedIn,
    /// Signed in, in one of these roles.
    Roles(&'static [Role]),
}

impl Access {
    /// Whether somebody in this role (`None`: nobody signed in) may come in.
    pub fn admits(self, role: Option<Role>) -> bool {
        match (self, role) {
            (Self::Everybody, _) | (Self::SignedIn, Some(_)) => true,
            (Self::SignedIn | Self::Roles(_), None) => false,
            (Self::Roles(roles), Some(role)) => roles.contains(&role),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    /// With `{name}` places.
    pub path: &'static str,
    pub access: Access,
    pub register: fn(&mut ServiceConfig),
}

/// Turns away whoever the row does not admit, before anything of the request is read. What a handler's extractors
/// say is a second lock on the same door.
///
/// # Errors
/// 403, or on to the sign-in page; else those of the handler.
pub async fn admit(
    access: Access,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    who::check(request.request(), access)?;
    next.call(request).await
}

/// Makes a room's `routes()` from rows: `GET "/path" everybody => handler;`, `signed_in`, or roles in brackets
/// `[Agent Entity]`. Rows with the same path must stand next to each other in one `routes!`.
#[macro_export]
macro_rules! routes {
    ($( $method:ident $path:literal $access:tt => $handler:path; )+) => {
        /// The rows of this room.
        pub fn routes() -> Vec<$crate::account::route::Route> {
            vec![$( $crate::account::route::Route {
                method: stringify!($method),
                path: $path,
                access: $crate::routes!(@access $access),
                register: |config| {
                    let admit = |request, next| {
                        $crate::account::route::admit($crate::routes!(@access $access), request, next)
                    };
                    let route = $crate::routes!(@method $method).to($handler);
                    config.route($path, route.wrap(actix_web::middleware::from_fn(admit)));
                },
            } ),+]
        }
    };
    (@access everybody) => { $crate::account::route::Access::Everybody };
    (@access signed_in) => { $crate::account::route::Access::SignedIn };
    (@access [$($role:ident)+]) => {
        $crate::account::route::Access::Roles(&[$($crate::account::role::Role::$role),+])
    };
    (@method GET) => { actix_web::web::get() };
    (@method POST) => { actix_web::web::post() };
    (@method PUT) => { actix_web::web::put() };
    (@method PATCH) => { actix_web::web::patch() };
    (@method DELETE) => { actix_web::web::delete() };
    (@method HEAD) => { actix_web::web::head() };
    (@method OPTIONS) => { actix_web::web::method(actix_web::http::Method::OPTIONS) };
}
