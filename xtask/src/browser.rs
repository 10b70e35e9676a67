//! The page of `resonare serve` and the report of a run, in a real browser.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::process::{build_binaries, root, run};

/// Where the tests are, in the project.
const TESTS: &str = "tests/browser";

/// What says which packages are wanted, and in which versions.
const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];

/// What Chromium is called where it is installed.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Which tests to run.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Only the files of tests/browser/specs with one of these names, such as `errors`
    specs: Vec<String>,
    /// Also what takes minutes: an export of 500 MB
    #[arg(long)]
    large: bool,
}

/// Runs the tests.
///
/// # Errors
/// If Node.js or a browser is missing and can't be installed, or a test fails.
pub(crate) fn test(options: &Options) -> anyhow::Result<()> {
    let packages = packages()?;
    let chromium = chromium()?;
    build_binaries()?;
    let mut tests = Command::new("node");
    tests
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(specs(options)?)
        .env("BROWSER_PACKAGES", packages)
        .env("CHROMIUM", chromium)
        .env("RESONARE", root().join("target/debug/resonare"));
    if options.large {
        tests.env("LARGE", "1");
    }
    run(&mut tests)
}

/// The files to run: all, or those that are named.
fn specs(options: &Options) -> anyhow::Result<Vec<PathBuf>> {
    let folder = root().join(TESTS).join("specs");
    if !options.specs.is_empty() {
        let named = |name: &String| folder.join(format!("{name}.test.js"));
        return Ok(options.specs.iter().map(named).collect());
    }
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut specs = entries.collect::<anyhow::Result<Vec<_>>>()?;
    specs.retain(|path| path.to_string_lossy().ends_with(".test.js"));
    specs.sort();
    Ok(specs)
}

/// The folder with the packages that the tests use; does nothing where they are there already.
fn packages() -> anyhow::Result<PathBuf> {
    let folder = root().join(".tools/browser");
    let manifest = |name: &str| fs::read_to_string(root().join(TESTS).join(name));
    let wanted = MANIFESTS.map(manifest);
    let wanted = wanted.into_iter().collect::<Result<Vec<_>, _>>()?;
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted.concat()) {
        return Ok(folder);
    }
    fs::create_dir_all(&folder)?;
    for (name, text) in MANIFESTS.iter().zip(&wanted) {
        fs::write(folder.join(name), text)?;
    }
    let ci = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").args(ci).current_dir(&folder))
        .context("the tests in a browser need Node.js 20 or later with npm, and a package index")?;
    fs::write(installed, wanted.concat())?;
    Ok(folder)
}

/// The browser: what `CHROMIUM` names, or what is installed.
fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    if let Some(found) = NAMES.into_iter().find_map(program) {
        return Ok(found);
    }
    // Only where it needs nobody's password and changes nothing that is there.
    if is_root() && program("apt-get").is_some() {
        run(Command::new("apt-get").args([
            "install",
            "--yes",
            "--no-install-recommends",
            NAMES[0],
        ]))?;
        if let Some(found) = program(NAMES[0]) {
            return Ok(found);
        }
    }
    bail!(
        "the tests in a browser need Chromium: install it (Debian: `apt-get install chromium`), or name the \
         program of another browser of its kind with the environment variable CHROMIUM"
    )
}

fn program(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| Path::is_file(path))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}
