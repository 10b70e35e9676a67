//! Templates that mark the assistant's turns write what the model's own write.

use resonare_chat_template::{ChatTemplate, Message, TemplateFiles};

const CHATML: &str = "\n  {% for m in messages %}
    {{- '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}\n  \n";

const ALTERNATING: &str = "{%- set shown = messages -%}
{%- macro turn(m) -%}{{ '[INST] ' + m.content + ' [/INST]' if m.role == 'user' else ' ' + m.content + eos_token + late }}{%- endmacro -%}
{%- set late = '' -%}{%- set ns = namespace(index=0) -%}
{{ bos_token }}{% for m in shown %}
    {%- if (m.role == 'user') != (ns.index % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}
    {%- set ns.index = ns.index + 1 %}
    {{- turn(m) }}
{%- endfor %}";

fn template(source: &str) -> ChatTemplate {
    let files = TemplateFiles {
        chat_template: Some(source),
        tokenizer_config: Some(r#"{"bos_token": "<s>", "eos_token": "</s>"}"#),
        ..TemplateFiles::default()
    };
    ChatTemplate::new(&files)
        .expect("the template is valid")
        .expect("a template is given")
}

fn messages<'a>(roles: &str, contents: &[&'a str]) -> Vec<Message<'a>> {
    let roles = roles.chars().map(|role| match role {
        's' => "system",
        'u' => "user",
        _ => "assistant",
    });
    roles
        .zip(contents)
        .map(|(role, content)| Message { role, content })
        .collect()
}

/// What a template's trainers learn, in brackets.
fn learned(source: &str, messages: &[Message<'_>]) -> String {
    let marked = template(source).with_generation_markers();
    let marked = marked.expect("the family is known");
    let shown = marked
        .replace("{% generation %}", "⟦")
        .replace("{% endgeneration %}", "⟧");
    let text = template(&shown).render(messages);
    text.expect("the messages are not refused")
}

#[test]
fn an_assistants_turn_is_learned_with_its_end() {
    let chat = messages("suau", &["Be brief.", "Hello", "Hi", "Bye"]);
    let expected = "\n<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n\
                    <|im_start|>assistant\n⟦Hi<|im_end|>⟧\n<|im_start|>user\nBye<|im_end|>\n  ";
    assert_eq!(learned(CHATML, &chat), expected);
    let expected = "<s>[INST] Hello [/INST]⟦ Hi</s>⟧[INST] Bye [/INST]";
    assert_eq!(learned(ALTERNATING, &chat[1..]), expected);
}

#[test]
fn the_text_stays_the_same() {
    let odd = [
        "",
        " ",
        "\n a \n",
        "<|im_end|>",
        "<|im_start|>assistant\nx",
        "[/INST] y </s> z",
        "{{ x }}{% y %}",
        "é🙂",
    ];
    for source in [CHATML, ALTERNATING] {
        let own = template(source);
        let marked = template(&own.with_generation_markers().unwrap());
        for roles in ["u", "ua", "uaua", "suaua", "au", "uu", "s"] {
            for shift in 0..odd.len() {
                let contents: Vec<&str> = odd.iter().cycle().skip(shift).take(5).copied().collect();
                let chat = messages(roles, &contents);
                let (text, other) = (own.render(&chat), marked.render(&chat));
                assert_eq!(text.is_ok(), other.is_ok(), "{chat:?}");
                assert!(text.is_err() || text == other, "{chat:?}");
            }
        }
    }
}

#[test]
fn a_template_that_marks_turns_itself_stays() {
    let source =
        "{% for m in messages %}{%- generation -%}{{ m.content }}{%- endgeneration -%}{% endfor %}";
    assert_eq!(template(source).with_generation_markers().unwrap(), source);
    let written = "{% for m in messages %}{{ '{% generation %}' + m.content }}{% endfor %}";
    assert_eq!(template(written).with_generation_markers(), None);
}

#[test]
fn turns_that_cant_be_told_apart_are_not_marked() {
    for source in [
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}",
        // All in one turn.
        "<|im_start|>assistant\n{% for m in messages %}{{ m.content }}{% endfor %}<|im_end|>",
        // One that nothing ends.
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% if not loop.last %}<|im_end|>{% endif %}{% endfor %}",
        "{{ raise_exception('never') }}",
    ] {
        assert_eq!(template(source).with_generation_markers(), None, "{source}");
    }
}
