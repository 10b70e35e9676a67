//! A worker's part of a job against a native S3 server on this machine.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::bail;

use super::programs::Program;
use super::runs::{Run, in_turn, median, timed};
use crate::process::{self, cargo, root};

const SERVER_VERSION: &str = "0.14.1";
const BUCKET: &str = "bench";

/// The server, which ends with this.
struct Server {
    process: Child,
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl Server {
    /// Starts a server that keeps its objects below `folder`.
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let tools = root().join(".tools/s3s");
        let executable = tools.join("bin/s3s-fs");
        if !executable.exists() {
            let install = [
                "install",
                "s3s-fs",
                "--version",
                SERVER_VERSION,
                "--locked",
                "--features=binary",
                "--root",
            ];
            process::run(cargo().args(install).arg(&tools))?;
        }
        let folder = folder.join(format!("resonare-bench-s3-{}", std::process::id()));
        fs::create_dir_all(folder.join(BUCKET))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(executable)
            .args([
                "--host=127.0.0.1",
                "--access-key=bench",
                "--secret-key=bench",
            ])
            .arg(format!("--port={port}"))
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let environment = [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        let server = Self {
            process,
            folder,
            environment: environment
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        };
        let patience = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > patience {
                bail!("the S3 server does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// The processor time that it has taken, as Linux tells it.
    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        /// In one second; the same on all of Linux's platforms.
        const TICKS: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        // Those in user mode and in the kernel are the 14th and the 15th field, of which the first two are left out.
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: Result<Vec<f64>, _> = ticks.map(str::parse).collect();
        Ok(ticks?.iter().sum::<f64>() / TICKS)
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Program {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        Program {
            environment: self.environment.clone(),
            ..Program::new(name, "object", arguments.collect())
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a program took, and what the server did for it.
struct RunOfBoth {
    program: Run,
    server_cpu_seconds: f64,
}

/// Measures downloading alone and a worker's part, without and with `raw.json`, and prints each as a multiple of the
/// processor time of the program or of the server, whichever is longer: they share the processors.
///
/// # Errors
/// If the server can't be had, or a program fails.
pub(super) fn run(export: &Path, rounds: NonZeroUsize, folder: &Path) -> anyhow::Result<()> {
    let server = Server::start(folder)?;
    let export_text = export.display().to_string();
    timed(&server.program("upload", &["upload", &export_text, BUCKET]))?;
    let programs = [
        server.program("download", &["download", BUCKET]),
        server.program("worker", &["process", BUCKET, "never"]),
        server.program("worker, with raw.json", &["process", BUCKET, "s3"]),
    ];
    let measured = in_turn(&programs, rounds, |program| {
        let before = server.cpu_seconds()?;
        Ok(RunOfBoth {
            program: timed(program)?,
            server_cpu_seconds: server.cpu_seconds()? - before,
        })
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\n{:22} {:>8} {:>7} {:>14} {:>6}",
        "beside an S3 server", "median s", "CPU s", "server's CPU s", "ratio"
    )?;
    for (program, runs) in programs.iter().zip(&measured) {
        let seconds = median(runs, |run| run.program.seconds);
        let cpu = median(runs, |run| run.program.cpu_seconds);
        let server_cpu = median(runs, |run| run.server_cpu_seconds);
        writeln!(
            out,
            "{:22} {seconds:8.3} {cpu:7.3} {server_cpu:14.2} {:6.2}",
            program.name,
            seconds / cpu.max(server_cpu)
        )?;
    }
    Ok(())
}
