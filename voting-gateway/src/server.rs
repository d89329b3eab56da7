//! The listener: bounded connections, header time-outs, and a shutdown that lets requests finish.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::endpoint::BoxEndpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, IntoResponse, Request};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::debug;

use crate::places::{Place, Places};
use crate::problem;
use crate::state::GatewayState;

/// Largest request header; hyper refuses more with 431.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Requests that are under way at shutdown get this long to finish.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after the operating system refused a connection, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` becomes true, then finishes the requests under way.
///
/// # Errors
/// If the listener has no address; single connections that fail only end themselves.
pub async fn serve(listener: TcpListener, state: GatewayState, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    let local = listener.local_addr()?;
    let limits = state.config.limits;
    let endpoint: Arc<BoxEndpoint<'static>> = Arc::new(crate::build(&state));
    let places = Places::new("http_connections", limits.connections, limits.connections_per_address);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told_to_stop(&mut stop) => break,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Beyond the bounds the connection is closed at once: an answer would cost what the bound saves.
        let Some(place) = places.enter(remote.ip()) else { continue };
        let addresses = (LocalAddr(Addr::SocketAddr(local)), RemoteAddr(Addr::SocketAddr(remote)));
        connections.spawn(connection(stream, Arc::clone(&endpoint), addresses, limits.header_timeout, stop.clone(), place));
    }
    drop(listener);
    let requests = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, async { tokio::join!(requests, state.live.stop()) }).await;
    Ok(())
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // without a sender nobody wants this server any more
}

async fn connection(
    stream: TcpStream,
    endpoint: Arc<BoxEndpoint<'static>>,
    (local, remote): (LocalAddr, RemoteAddr),
    header_timeout: Duration,
    mut stop: watch::Receiver<bool>,
    _place: Place,
) {
    let _ = stream.set_nodelay(true); // without it answers are only slower
    let service = service_fn(move |request| {
        let (endpoint, local, remote) = (Arc::clone(&endpoint), local.clone(), remote.clone());
        async move {
            let request = Request::from((request, local, remote, Scheme::HTTP));
            // A panic ends this request with an answer that tells nothing, and no other request.
            let response = match tokio::spawn(async move { endpoint.call(request).await }).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => problem::answer(error).await,
                Err(panic) => crate::problem::Problem::internal(panic).into_response(),
            };
            Ok::<_, Infallible>(hyper::Response::from(response))
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_HEADER_BYTES.max(8 * 1024))
        .half_close(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = told_to_stop(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "a connection ended");
    }
}
