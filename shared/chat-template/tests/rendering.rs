//! What templates write, refuse and fail at.

use resonare_chat_template::{ChatTemplate, Message, RenderError, TemplateError, TemplateFiles};

const CHATML: &str = "{% for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
";

const ALTERNATING: &str = "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate') }}
    {%- endif %}
    {{- '[' + message['role'] + ']' + message['content'] | trim }}
{%- endfor %}";

fn template(source: &str) -> ChatTemplate {
    let files = TemplateFiles {
        chat_template: Some(source),
        tokenizer_config: Some(r#"{"bos_token": "<s>", "eos_token": {"content": "</s>"}}"#),
        ..TemplateFiles::default()
    };
    ChatTemplate::new(&files)
        .expect("the template is valid")
        .expect("a template is given")
}

fn render(source: &str, content: &str) -> Result<String, RenderError> {
    template(source).render(&[user(content)])
}

fn user(content: &str) -> Message<'_> {
    Message {
        role: "user",
        content,
    }
}

fn assistant(content: &str) -> Message<'_> {
    Message {
        role: "assistant",
        content,
    }
}

#[test]
fn each_turn_is_written_with_its_markers() {
    let text = template(CHATML).render(&[user("Hello {{ x }}"), assistant("Hi")]);
    let expected =
        "<|im_start|>user\nHello {{ x }}<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n";
    assert_eq!(text.unwrap(), expected);
}

#[test]
fn one_template_renders_many_chats() {
    let template = template(ALTERNATING);
    assert_eq!(template.render(&[user(" a ")]).unwrap(), "<s>[user]a");
    assert!(template.render(&[assistant("a")]).is_err());
    assert_eq!(template.render(&[user("b")]).unwrap(), "<s>[user]b");
}

#[test]
fn a_refusal_has_the_words_of_the_template() {
    let error = template(ALTERNATING).render(&[user("a"), user("b")]);
    let expected = RenderError::Refused("Conversation roles must alternate".to_owned());
    assert_eq!(error, Err(expected));
}

#[test]
fn a_refusal_is_told_from_within_a_macro() {
    let source =
        "{% macro f(x) %}{{ raise_exception('No ' ~ x) }}{% endmacro %}{{ f(messages[0].role) }}";
    let expected = RenderError::Refused("No user".to_owned());
    assert_eq!(render(source, "a"), Err(expected));
}

#[test]
fn a_failure_names_the_line() {
    let error = render("a\n{{ missing.attribute }}", "a").unwrap_err();
    assert!(
        matches!(error, RenderError::Failed { line: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_template_that_is_not_valid_names_the_line() {
    let files = TemplateFiles {
        chat_template: Some("\n\n{% if %}"),
        ..TemplateFiles::default()
    };
    let error = ChatTemplate::new(&files).unwrap_err();
    assert!(
        matches!(error, TemplateError::Syntax { line: 3, .. }),
        "{error}"
    );
}

#[test]
fn a_model_without_a_template_has_none() {
    let files = TemplateFiles {
        tokenizer_config: Some(r#"{"eos_token": "</s>"}"#),
        ..TemplateFiles::default()
    };
    assert!(ChatTemplate::new(&files).unwrap().is_none());
}

#[test]
fn every_day_is_the_same_day() {
    let source = "{{ strftime_now('%d %b %Y') }}";
    assert_eq!(render(source, "a").unwrap(), "26 Jul 2024");
}

#[test]
fn json_is_written_as_python_writes_it() {
    let source = "{{ {'b': messages[0].content, 'a': [1.0, none, true]} | tojson(indent=1) }}";
    let expected = "{\n \"b\": \"<é> \\\"\\n\",\n \"a\": [\n  1.0,\n  null,\n  true\n ]\n}";
    assert_eq!(render(source, "<é> \"\n").unwrap(), expected);
    let sorted = "{{ {'b': 'é', 'a': {}} | tojson(sort_keys=true, ensure_ascii=true, separators=(',', ':')) }}";
    assert_eq!(render(sorted, "").unwrap(), r#"{"a":{},"b":"\u00e9"}"#);
    let shown = "{{ messages[0].content | tojson(ensure_ascii=true) }}";
    assert_eq!(render(shown, "~\x7f\u{80}").unwrap(), r#""~\u007f\u0080""#);
    assert_eq!(
        render("{{ [1, 2, 3][1:] | tojson }}", "").unwrap(),
        "[2, 3]"
    );
}

#[test]
fn the_methods_of_python_cut_texts() {
    let source = "{% for part in messages[0].content.split('</think>', 1) %}[{{ part.strip() }}]{% endfor %}";
    assert_eq!(
        render(source, "\x1fa </think> b</think>").unwrap(),
        "[a][b</think>]"
    );
    let source =
        "{{ messages[0].content.rsplit(None, 1)[-1] }}{{ messages[0].content.partition('b')[2] }}";
    assert_eq!(render(source, "a b c").unwrap(), "c c");
}

#[test]
fn lists_are_cut_and_turned() {
    let source = "{% set turned = messages[::-1] %}{{ turned | length }}{{ turned[0].content }}{% for i in range(2, 0, -1) %}{{ i }}{% endfor %}";
    assert_eq!(render(source, "a").unwrap(), "1a21");
}

#[test]
fn bounds_change_no_text() {
    let source = "{% macro m(a, b='d') -%}  \n a{{ a }}{{ b }}{{ c is defined }}{%- endmacro %}\
        {% macro n() %}{{ caller('x', 1) }}{% endmacro %}\n\
        {% for k, v in messages[0].items() if k != 'role' -%}  \n {{ k }}={{ v }}{{ loop.last }}{% endfor %}\n\
        {% with x = 1, y = messages[0].content +%}\n{{ x }}{{ y }}{{ z is defined }}{% endwith %}\n\
        {{ m(1) }}{{ m(1, b=2) }}{% call(p, q) n() %}{{ p }}{{ q }}{% endcall %}\
        {% set t | upper %}ab{% endset %}{{ t }}{% for u in nothing %}{% else %}none{% endfor %}";
    let expected = "content=aTrue\n1aFalsea1dFalsea12Falsex1ABnone";
    assert_eq!(render(source, "a").unwrap(), expected);
}

#[test]
fn marked_turns_are_written_like_others() {
    let source = "a  {%- generation %} {{ messages[0].content }}\n{% endgeneration -%}  b";
    assert_eq!(render(source, "x").unwrap(), "a x\nb");
}

#[test]
fn special_tokens_are_those_of_the_files() {
    let files = TemplateFiles {
        chat_template: Some("<think>"),
        tokenizer_config: Some(r#"{"eos_token": "</s>"}"#),
        tokenizer: Some(
            br#"{"added_tokens": [{"content": "<|im_end|>", "special": true}, {"content": "<think>", "special": false}]}"#,
        ),
        ..TemplateFiles::default()
    };
    let template = ChatTemplate::new(&files).unwrap().unwrap();
    assert_eq!(template.special_tokens(), ["</s>", "<think>", "<|im_end|>"]);
}

#[test]
fn what_is_compared_and_looked_up_means_what_it_meant() {
    for (expression, expected) in [
        ("[3, 1, 2] | sort(reverse=true) | join(',')", "3,2,1"),
        (
            "{'b': 1, 'a': 2} | dictsort(by='value') | first | join",
            "b1",
        ),
        ("{'b': 1, 'a': 2} | dictsort | first | join", "a2"),
        ("['a', 'b', 'a'] | unique | join", "ab"),
        ("[1, 2] | max - ([1, 2] | min)", "1"),
        (
            "messages[-1].content[0] ~ messages[0]['content'][1:]",
            "Hello",
        ),
        ("messages[0].content == messages[0]['content']", "True"),
        ("messages | length > loop_free | default(0)", "True"),
        (
            "not messages in [messages] or 'x' not in messages[0]",
            "True",
        ),
        ("'el' in messages[0].content and 1 < 2 < 3", "True"),
        ("[1, [2, 3]][1][0] if missing is not defined else 0", "2"),
        ("{'a': {'b': 'c'}}['a']['b'] ~ {'x': 1}.get('x')", "c1"),
        ("['a', 'b'] | select('in', ['b']) | list == ['b']", "True"),
        ("[1, 1, 2].count(1)", "2"),
        ("'a b'.split(' ')[-1] is eq 'b'", "True"),
        ("messages[0].content is startingwith('He')", "True"),
        ("'ab' is lower and 'AB' is upper", "True"),
        ("(1, 2) == (1, 2) and [1] != (1,)", "True"),
    ] {
        let text = render(&format!("{{{{ {expression} }}}}"), "Hello");
        assert_eq!(text.as_deref(), Ok(expected), "{expression}");
    }
    let loops = "{% for a, b in [[1, 2], [3, 4]] if a in [3] %}{{ loop.changed(a) }}{{ a ~ b }}{% endfor %}";
    assert_eq!(render(loops, "x").as_deref(), Ok("True34"));
}
