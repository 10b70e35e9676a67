//! What docs/service.md tells operators to do.

use std::path::Path;
use std::process::Command;

use crate::support::{Server, export};

const UNIT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../operations/systemd/resonare.service"
);

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// Makes a backup of a running service as the documentation says: the database first, then what it names.
fn back_up(data: &Path, backup: &Path) {
    std::fs::create_dir_all(backup.join("service")).unwrap();
    let database = rusqlite::Connection::open(data.join("service/jobs.sqlite")).unwrap();
    let copy_of_it = backup.join("service/jobs.sqlite");
    let copied = database.execute("VACUUM INTO ?1", [copy_of_it.to_str().unwrap()]);
    copied.unwrap();
    copy(
        &data.join("service/objects"),
        &backup.join("service/objects"),
    );
}

#[test]
fn a_backup_of_a_running_service_has_its_jobs_and_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let completed = server.submit("", &export(1000));
    server.wait(&completed);
    let train = server.output(&completed, "train.jsonl");
    let running = server.submit("", &export(200_000));
    let queued = server.submit("", &export(1000));
    server.wait_for(&running, &["RUNNING"]);
    let backup = folder.path().join("backup");
    back_up(&folder.path().join("data"), &backup);
    server.kill();

    let restored = tempfile::tempdir().unwrap();
    copy(&backup, &restored.path().join("data"));
    let server = Server::start(restored.path());
    assert_eq!(server.job(&completed)["status"], "COMPLETED");
    assert_eq!(server.output(&completed, "train.jsonl"), train);
    for job in [&running, &queued] {
        assert_eq!(
            server.wait(job)["status"],
            "COMPLETED",
            "what was unfinished goes on"
        );
    }
    assert_eq!(server.delete(&format!("/data-prep/jobs/{completed}")), 204);
}

#[test]
fn the_unit_for_systemd_is_one() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = std::fs::read_to_string(UNIT).unwrap();
    let installed = "/usr/local/bin/resonare";
    assert!(unit.contains(installed));
    let path = folder.path().join("resonare.service");
    std::fs::write(
        &path,
        unit.replace(installed, env!("CARGO_BIN_EXE_resonare")),
    )
    .unwrap();
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .arg(path)
        .output();
    let verified = verified.unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}
