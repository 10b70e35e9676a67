//! Connections: bounded in number, and in the time that a request's head may take.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

/// Connections at the same time; further ones wait to be accepted.
const CONNECTIONS: usize = 256;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(20);

/// How long a client may go without reading any of a response.
const STALL: Duration = Duration::from_secs(20);

/// The connections that are still open once no more are accepted.
pub(crate) struct Connections(GracefulShutdown);

impl Connections {
    /// Gives requests some time to finish.
    pub(crate) async fn end(self, grace: Duration) {
        if tokio::time::timeout(grace, self.0.shutdown())
            .await
            .is_err()
        {
            warn!("connections were cut off");
        }
    }
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: &TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
) -> Connections {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::pin!(stop);
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => return Connections(graceful),
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                recover(&error).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            debug!("a connection stays slow: {error}");
        }
        // A client that stops reading must not hold the connection forever.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(STALL));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(
                TokioIo::new(Box::pin(stream)),
                TowerToHyperService::new(router.clone()),
            );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!("a connection ended early: {error}");
            }
            drop(permit);
        });
    }
}

/// A connection that is already gone does no harm; running out of file descriptors does, for a while.
async fn recover(error: &io::Error) {
    if !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    ) {
        warn!("failed to accept a connection: {error}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
