//! A cable to a server that can be pulled: a proxy on the loopback which breaks every connection, again and again after so
//! many bytes, or when it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Default)]
struct State {
    connections: Mutex<Vec<TcpStream>>,
    /// Bytes sent to the server in all, and at how many the cable breaks next.
    sent: AtomicU64,
    breaks: Mutex<Vec<u64>>,
}

/// The cable. It stays up as long as the test's process.
#[derive(Clone)]
pub struct Cable {
    pub address: String,
    state: Arc<State>,
}

impl Cable {
    /// A cable to `server` (an address with its port) that breaks when this many bytes in all have gone through it, for
    /// each of these.
    pub fn to(server: &str, breaks: &[u64]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        *state.breaks.lock().unwrap() = breaks.to_vec();
        let cable = Self { address, state: state.clone() };
        let server = server.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // a server that is down is as good as a broken cable
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let mut open = state.connections.lock().unwrap();
                open.push(client.try_clone().unwrap());
                open.push(server.try_clone().unwrap());
                drop(open);
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || pass(from, to, |_| false));
                let state = state.clone();
                thread::spawn(move || pass(client, server, |bytes| state.is_over(bytes)));
            }
        });
        cable
    }

    /// How many breaks are still to come.
    pub fn breaks_left(&self) -> usize {
        self.state.breaks.lock().unwrap().len()
    }

    /// Bytes that went to the server until now.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }

    /// Breaks every connection, once.
    pub fn cut(&self) {
        self.state.cut();
    }
}

impl State {
    fn is_over(&self, bytes: u64) -> bool {
        let sent = self.sent.fetch_add(bytes, Ordering::SeqCst) + bytes;
        let mut breaks = self.breaks.lock().unwrap();
        let over = breaks.first().is_some_and(|at| sent >= *at);
        if over {
            breaks.remove(0);
            drop(breaks);
            self.cut();
        }
        over
    }

    fn cut(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_over: impl Fn(u64) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || to.write_all(&buffer[..read]).is_err() || is_over(read as u64) {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
