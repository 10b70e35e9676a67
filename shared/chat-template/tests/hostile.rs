//! Templates that mean harm end in an error, by their steps and without taking the process with them.

use proptest::prelude::*;
use resonare_chat_template::{ChatTemplate, Message, TemplateFiles};

/// What is said of a template that took more steps than there are.
const TOO_SLOW: &str = "the chat template took too many steps";

/// Something again and again, as often as steps allow: a single loop is refused for its length.
fn repeated(body: &str) -> String {
    format!(
        "{{% for a in range(1500) %}}{{% for b in range(1500) %}}{body}{{% endfor %}}{{% endfor %}}"
    )
}

/// A value within itself, as often as steps allow.
fn grown(step: &str) -> String {
    let step = repeated(&format!("{{% set ns.x = {step} %}}"));
    format!("{{% set ns = namespace(x=[1]) %}}{step}")
}

/// What is said of the template: an error's words, or the text.
fn outcome(source: &str) -> Result<String, String> {
    let files = TemplateFiles {
        chat_template: Some(source),
        ..TemplateFiles::default()
    };
    let messages = [Message {
        role: "user",
        content: "Hello",
    }];
    let outcome = match ChatTemplate::new(&files) {
        Ok(template) => template
            .expect("a template is given")
            .render(&messages)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    // What the clock ends, another machine may not end.
    let by_the_clock = "the chat template took too long".to_owned();
    assert_ne!(outcome, Err(by_the_clock), "{source}");
    outcome
}

fn assert_refused(sources: &[String]) {
    for source in sources {
        let outcome = outcome(source).map(|text| text.len());
        let shown: String = source.chars().take(200).collect();
        assert!(outcome.is_err(), "{outcome:?} for {shown}");
    }
}

#[test]
fn endless_work_ends() {
    assert_refused(
        &[
            "{% for a in range(100000) %}{% endfor %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(12) }}{{ m(40) }}",
            "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% if [[1] * 99] == [] %}{% endif %}{% endmacro %}{{ m(30) }}",
            "{% for a in [1] recursive %}{{ loop([a, a]) }}{% endfor %}",
        ]
        .map(str::to_owned),
    );
    let large = "{% set x = 'x' * 30000 %}{% set l = range(1500) | list %}";
    for body in [
        "",
        "{% set y = x.strip('x') %}",
        "{% set y = x.rstrip('abcdefghijklmnopqrstuvwxyz') %}",
        "{% set y = x | trim('x') %}",
        "{% set y = 'y'.strip(x) %}",
        "{% set y = x.split() %}",
        "{% set y = x.splitlines() %}",
        "{% set y = x.isspace() %}",
        "{% set y = l | sort %}",
        "{% if 'y' in x %}{% endif %}",
        "{% if l == l[:] %}{% endif %}",
        "{% for y in l %}{% endfor %}",
        "{% if x == x ~ '' %}{% endif %}",
        "{% if l in [l + []] %}{% endif %}",
        "{% if [l, l] == [l + [], 1] %}{% endif %}",
        "{% set y = x[29999] %}",
        "{% set y = x[-1] %}",
        "{% set y = x[29998:][:1] %}",
        "{% set y = x | indent %}",
        "{% set y = x | tojson %}",
        "{% if x is lower %}{% endif %}",
        "{% if x is upper %}{% endif %}",
    ] {
        assert_refused(&[format!("{large}{}", repeated(body))]);
    }
}

#[test]
fn comparisons_are_charged_for_all_that_they_compare() {
    // Lists in lists, which the engine compares in one step, by every way to compare.
    let large = "{% set l = range(1200) | list %}{% set x = [l, 0] %}{% set y = [l + [], 1] %}\
                 {% set d = {'a': 1, 'b': 2} %}";
    for comparison in [
        "x == y",
        "x == y == x",
        "x in [y, y, y]",
        "x in d",
        "x is eq(y)",
        "x is in([y, y])",
        "d[x]",
        "d.get(x)",
        "[x, x, x].count(y)",
        "{x: 1}",
        "[x, y] | sort",
        "[x, y, x] | unique",
        "[x, y] | select('eq', y) | list",
        "[{'a': x}, {'a': y}] | groupby('a')",
        "loop.changed(x) or loop.changed(y)",
        "l is startingwith('x')",
    ] {
        let body = format!("{{% if {comparison} %}}{{% endif %}}");
        let outcome = outcome(&format!("{large}{}", repeated(&body)));
        assert_eq!(outcome, Err(TOO_SLOW.to_owned()), "{comparison}");
    }
}

#[test]
fn texts_that_grow_without_end_are_stopped_while_they_grow() {
    let doubled = "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}";
    let written = repeated("{{ 'x' * 100000 }}");
    assert_refused(&[format!("{{% set y %}}{written}{{% endset %}}"), written]);
    assert_refused(
        &[
            doubled,
            "{{ 'x' * 10**9 }}",
            "{% set n = 10**9 %}{{ 'x' * n }}",
            "{% set b = 'x' * 60000 %}{{ b.replace('', b).replace('', b) }}",
            "{{ [1] | tojson(indent=1000000000) }}",
            "{{ 'x' | indent(1000000000) }}",
            "{{ '%1000000000d' | format(1) }}",
            "{{ '{:1000000000}'.format(1) }}",
            "{{ 9 ** (9 ** 9) }}",
        ]
        .map(str::to_owned),
    );
}

#[test]
fn values_that_hold_themselves_over_and_over_are_refused() {
    let steps = [
        "[ns.x]",
        "[ns.x, ns.x]",
        "{'a': ns.x}",
        "(ns.x, ns.x)",
        "[0, ns.x[0:]]",
        "namespace(x=ns.x)",
        "{0: ns.x}.items()",
        "ns.x + [1]",
        "ns.x | map('list')",
    ];
    assert_refused(&steps.map(grown));
    assert_refused(
        &[
            "{% set ns = namespace() %}{% set ns.x = ns %}",
            "{% set ns = namespace() %}{% set l = [ns] %}{% set ns.x = l %}",
            "{% macro m() %}{{ ns }}{% endmacro %}{% set ns = namespace() %}{% set ns.x = m %}",
            "{% set l = [1] %}{{ ([l] * 100000) ~ '' }}",
        ]
        .map(str::to_owned),
    );
    let straight = "{% set x = [x, x] %}".repeat(64);
    assert_refused(&[straight]);
}

/// A value that each step holds twice, `times` steps deep: `open` gives it the next name.
fn doubled(open: &str, close: &str, times: usize) -> String {
    let steps = (0..times).map(|step| {
        let (old, new) = (format!("v{step}"), format!("v{}", step + 1));
        open.replace("OLD", &old).replace("NEW", &new)
    });
    let steps: String = steps.collect();
    format!(
        "{{% set v0 = [1] %}}{steps}{{{{ v{times} | string | length }}}}{}",
        close.repeat(times)
    )
}

#[test]
fn values_are_bounded_wherever_they_get_their_names() {
    assert_refused(&[
        doubled("{% with NEW = [OLD, OLD] %}", "{% endwith %}", 40),
        doubled("{% for NEW in [[OLD, OLD]] %}", "{% endfor %}", 40),
        doubled("{% for NEW, y in [([OLD, OLD], 1)] %}", "{% endfor %}", 40),
        doubled(
            "{% set NEW | list | batch(1) | list %}{{ OLD }}{% endset %}",
            "",
            40,
        ),
    ]);
    assert_refused(
        &[
            "{% macro m(x, n) %}{% if n %}{{ m([x, x], n - 1) }}{% else %}{{ x }}{% endif %}{% endmacro %}{{ m([1], 40) }}",
            "{% macro m(n, x=[1]) %}{% if n %}{{ m(n - 1, x=[x, x]) }}{% else %}{{ x }}{% endif %}{% endmacro %}{{ m(40) }}",
            "{% macro m(x, n) %}{{ caller([x, x], n) }}{% endmacro %}{% macro d(x, n) %}{% if n %}{% call(x, n) m(x, n) %}{{ d(x, n - 1) }}{% endcall %}{% else %}{{ x }}{% endif %}{% endmacro %}{{ d([1], 40) }}",
            "{% for x in [[1], [1]] recursive %}{% if loop.first %}{{ loop([0, [loop.nextitem, loop.nextitem]]) }}{% endif %}{% endfor %}",
            "{% set l = [[1] * 99] %}{{ (l * '1000000' | int) | string }}",
            "{% set l = [[1] * 99] %}{{ (l * 9 ** 9) | string }}",
        ]
        .map(str::to_owned),
    );
}

#[test]
fn nothing_outside_is_reached() {
    let sources = [
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as x %}",
        "{% from '/etc/passwd' import x %}",
        "{% extends '/etc/passwd' %}",
        "{{ open('/etc/passwd') }}",
        "{{ debug() }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
    ];
    assert_refused(&sources.map(str::to_owned));
}

#[test]
fn sources_that_would_exhaust_the_stack_are_refused() {
    let nested = |open: &str, close: &str, times: usize| {
        format!("{}1{}", open.repeat(times), close.repeat(times))
    };
    let expressions = [
        "(", "[", "-", "not ", "1 + ", "a.", "a | e | ", "a and ", "2 ** ",
    ];
    let expressions = expressions.map(|open| format!("{{{{ {} }}}}", nested(open, "", 8_000)));
    assert_refused(&expressions);
    assert_refused(&[
        nested("{% if a %}", "{% endif %}", 2_000),
        nested("{% for a in b %}", "{% endfor %}", 1_500),
        nested("{% generation %}", "{% endgeneration %}", 1_500),
        format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}".repeat(4_000)),
        "{#".repeat(25_000),
        "{{".repeat(25_000),
        "x".repeat(70_000),
    ]);
}

#[test]
fn the_deepest_source_that_is_taken_fits_the_stack_of_a_thread() {
    for open in ["-", "not ", "(", "a.", "a[0].", "1 + ", "a and "] {
        let times = 1_490 / open.len();
        // Its outcome doesn't matter, but that there is one.
        let _ = outcome(&format!("{{{{ {}1 }}}}", open.repeat(times)));
    }
    let branches = format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}".repeat(200));
    assert_eq!(outcome(&branches), Ok(String::new()));
}

/// Pieces that templates are made of, so that chance makes some that mean something.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "{%",
        "%}",
        "{{",
        "}}",
        "{#",
        "#}",
        "-",
        " ",
        "\n",
        "for m in messages",
        "endfor",
        "if",
        "elif",
        "else",
        "endif",
        "set x =",
        "set ns.x =",
        "endset",
        "ns",
        "namespace(x=1)",
        "macro f(a)",
        "endmacro",
        "f(1)",
        "generation",
        "endgeneration",
        "raw",
        "endraw",
        "m.content",
        "messages",
        "x",
        "loop",
        "'a'",
        "\"",
        "'",
        "1",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "|",
        "trim",
        "length",
        "join",
        "tojson",
        "list",
        ".",
        ",",
        "+",
        "~",
        "*",
        "9",
        "**",
        "//",
        "%",
        "==",
        "in",
        "is",
        "not",
        "range(9)",
        "split",
        "::",
        "-1",
        "\\",
        "é",
        "\u{2028}",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => ".{0,3}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_template_has_an_outcome(pieces in prop::collection::vec(piece(), 0..40)) {
        let _ = outcome(&pieces.concat());
        let _ = outcome(&pieces.join(" "));
    }

    #[test]
    fn any_expression_has_an_outcome(pieces in prop::collection::vec(piece(), 0..12)) {
        let _ = outcome(&format!("{{% set x = messages %}}{{{{ {} }}}}", pieces.join(" ")));
    }
}
