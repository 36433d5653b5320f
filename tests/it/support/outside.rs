//! `Outside`: a web server of the test's own, for what the world asks of the outside. Each path behaves in its own way, well
//! or badly, and says how often it was asked. Dropping it ends it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How the kinds of packing are called.
pub const KINDS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// What every packed path says, once it is unpacked.
pub const PACKED: &str = "hello packed world";

/// [`PACKED`] by how it is packed.
const PACKINGS: [(&str, &str); 4] = [
    (
        "gzip",
        "1f8b0800000000000203cb48cdc9c95728484cce4e4d5128cf2fca490100b69da8ad12000000",
    ),
    ("deflate", "789ccb48cdc9c95728484cce4e4d5128cf2fca490100412e06e5"),
    ("br", "8b088068656c6c6f207061636b656420776f726c6403"),
    ("zstd", "28b52ffd005891000068656c6c6f207061636b656420776f726c64"),
];

/// A certificate that no system trusts, for these names.
pub struct Certificate {
    acceptor: TlsAcceptor,
    /// As a file of certificates has it.
    pub pem: String,
}

impl Certificate {
    /// A new one.
    pub fn of(names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Certificate {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem: made.cert.pem(),
        }
    }
}

/// A request as it came.
struct Asked {
    method: String,
    path: String,
    head: String,
    body: Vec<u8>,
}

type Counts = Arc<Mutex<HashMap<String, usize>>>;

/// The server.
pub struct Outside {
    address: SocketAddr,
    scheme: &'static str,
    counts: Counts,
    end: watch::Sender<bool>,
}

impl Outside {
    /// A server that speaks plainly.
    pub fn start() -> Outside {
        Outside::serve("http", None)
    }

    /// One that speaks TLS.
    pub fn start_tls(certificate: &Certificate) -> Outside {
        Outside::serve("https", Some(certificate.acceptor.clone()))
    }

    fn serve(scheme: &'static str, acceptor: Option<TlsAcceptor>) -> Outside {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let counts = Counts::default();
        let (end, mut ended) = watch::channel(false);
        let known = counts.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(socket).unwrap();
                loop {
                    tokio::select! {
                        _ = ended.changed() => return,
                        accepted = listener.accept() => {
                            let (stream, _) = accepted.unwrap();
                            let (counts, acceptor) = (known.clone(), acceptor.clone());
                            // One that is hung up on is a test's own doing.
                            tokio::spawn(async move { welcome(stream, acceptor, &counts).await.ok() });
                        }
                    }
                }
            });
        });
        Outside {
            address,
            scheme,
            counts,
            end,
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The same by a name of this machine.
    pub fn url_by_name(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    /// How often a path was asked for.
    pub fn hits(&self, path: &str) -> usize {
        self.counts.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.hits("connections")
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.end.send(true).ok();
    }
}

fn count(counts: &Counts, what: &str) -> usize {
    let mut counts = counts.lock().unwrap();
    let hits = counts.entry(what.to_owned()).or_default();
    *hits += 1;
    *hits
}

async fn welcome(stream: TcpStream, acceptor: Option<TlsAcceptor>, counts: &Counts) -> io::Result<()> {
    count(counts, "connections");
    match acceptor {
        None => converse(stream, counts).await,
        Some(acceptor) => converse(acceptor.accept(stream).await?, counts).await,
    }
}

/// Answers one request after the other.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, counts: &Counts) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(asked) = read(&mut stream, &mut buffer).await? {
        let hits = count(counts, &asked.path);
        if !answer(&mut stream, &asked, hits).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads one request; none once the other side has hung up.
async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().unwrap())
    });
    let length = length.unwrap_or(0);
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    let mut words = head.split_whitespace();
    Ok(Some(Asked {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        head,
        body,
    }))
}

/// Answers a request in its path's way; false when the connection is over.
async fn answer(stream: &mut (impl AsyncWrite + Unpin), asked: &Asked, hits: usize) -> io::Result<bool> {
    let path = asked.path.as_str();
    let (name, rest) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    match name {
        // Says what it was asked.
        "echo" => {
            let said = [asked.head.as_bytes(), &asked.body].concat();
            let said = if asked.method == "HEAD" { Vec::new() } else { said };
            whole(stream, "200 OK", "x-seen: yes\r\n", &said).await?;
        }
        // So many bytes of all kinds.
        "bytes" => {
            let bytes: Vec<u8> = (0..rest.parse().unwrap())
                .map(|at: usize| (at % 251) as u8)
                .collect();
            whole(stream, "200 OK", "", &bytes).await?;
        }
        // How long the body was.
        "length" => whole(stream, "200 OK", "", asked.body.len().to_string().as_bytes()).await?,
        "status" => whole(stream, rest, "", b"see the status").await?,
        "chunked" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            for part in ["one\n", "two\n", "three\n"] {
                stream
                    .write_all(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes())
                    .await?;
                stream.flush().await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        "packed" => {
            let (_, packed) = PACKINGS.iter().find(|(kind, _)| *kind == rest).unwrap();
            let packed: Vec<u8> = (0..packed.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&packed[at..at + 2], 16).unwrap())
                .collect();
            whole(
                stream,
                "200 OK",
                &format!("content-encoding: {rest}\r\n"),
                &packed,
            )
            .await?;
        }
        // So many redirects, and then the echo.
        "redirect" => {
            let to = match rest.parse::<u32>().unwrap() {
                0 => "/echo".to_owned(),
                more => format!("/redirect/{}", more - 1),
            };
            redirect(stream, "302 Found", &to).await?;
        }
        // A redirect with this status to what follows it.
        "to" => {
            let (status, to) = rest.split_once('/').unwrap();
            redirect(stream, &format!("{status} Elsewhere"), to).await?;
        }
        // A body that comes bit by bit.
        "slow" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
                .await?;
            for _ in 0..10 {
                stream.write_all(b"z").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        "never" => std::future::pending().await,
        // The first to ask is never answered.
        "second" if hits == 1 => std::future::pending().await,
        "second" => whole(stream, "200 OK", "", b"the second time").await?,
        // An answer that takes its time.
        "later" => {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            whole(stream, "200 OK", "", b"at last").await?;
        }
        // A body without an end.
        "endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 65_536]).await?;
            }
        }
        // The end comes before the body's.
        "short" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot much")
                .await?;
            stream.flush().await?;
            return Ok(false);
        }
        "nonsense" => {
            stream.write_all(b"I do not speak HTTP\r\n\r\n").await?;
            return Ok(false);
        }
        "hang-up" => return Ok(false),
        _ => whole(stream, "404 Not Found", "", b"nothing is there").await?,
    }
    stream.flush().await?;
    Ok(true)
}

async fn whole(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await
}

async fn redirect(stream: &mut (impl AsyncWrite + Unpin), status: &str, to: &str) -> io::Result<()> {
    whole(stream, status, &format!("location: {to}\r\n"), b"").await
}
