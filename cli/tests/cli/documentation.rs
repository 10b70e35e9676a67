//! What the command prints about itself.

use crate::support::Project;

const COMMANDS: [&str; 7] = [
    "prepare",
    "inspect",
    "check",
    "serve",
    "submit",
    "completions",
    "man",
];

#[test]
fn completions_of_every_shell_know_commands_and_options() {
    let project = Project::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = project.run(&["completions", shell]);
        assert_eq!(output.status, 0, "{}", output.stderr);
        for word in ["max-tokens-per-block", "target-name", "inspect"] {
            assert!(output.stdout.contains(word), "{word} for {shell}");
        }
    }
}

#[test]
fn the_manual_names_each_command_and_has_a_page_for_it() {
    let project = Project::new();
    let manual = project.run(&["man"]);
    assert_eq!(manual.status, 0, "{}", manual.stderr);
    for command in COMMANDS {
        let reference = format!("resonare\\-{command}(1)");
        assert!(manual.stdout.contains(&reference), "{}", manual.stdout);
        let page = project.run(&["man", command]);
        assert_eq!(page.status, 0, "{}", page.stderr);
        assert!(
            page.stdout.contains(&format!("resonare\\-{command}")),
            "{}",
            page.stdout
        );
    }
    let page = project.run(&["man", "prepare"]).stdout;
    assert!(page.contains("\\-\\-max\\-tokens\\-per\\-block"), "{page}");
}

#[test]
fn a_page_of_no_command_is_wrong_usage() {
    let output = Project::new().run(&["man", "prepaer"]);
    assert_eq!(output.status, 2);
    assert_eq!(
        output.stderr,
        "error: there is no command \"prepaer\"; expected one of prepare, inspect, check, serve, submit, completions, man\n"
    );
}
