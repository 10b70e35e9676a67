//! Compiles the vocabularies of OpenAI's encodings, and the character classes that their
//! patterns name, into tables that need no loading.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tiktoken_rs::CoreBPE;

#[path = "src/bytepair/hash.rs"]
mod hash;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/bytepair/hash.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut fingerprints = String::new();
    for (name, encoding) in [
        ("O200K_BASE", tiktoken_rs::o200k_base()),
        ("CL100K_BASE", tiktoken_rs::cl100k_base()),
        ("P50K_BASE", tiktoken_rs::p50k_base()),
        ("R50K_BASE", tiktoken_rs::r50k_base()),
    ] {
        let tokens = ordinary_tokens(&encoding.expect("the crate's own vocabulary loads"));
        let fingerprint = fingerprint(&tokens);
        writeln!(
            fingerprints,
            "pub(crate) const {name}: &str = \"{fingerprint}\";"
        )
        .expect("writing to a string");
        let mut by_rank = Vec::new();
        for (rank, token) in tokens {
            // `p50k_base` has a special token among the others, whose rank stays empty here.
            by_rank.resize(rank, Vec::new());
            by_rank.push(token);
        }
        write(&out.join(name), &hash::compile(&by_rank));
    }
    write(&out.join("fingerprints.rs"), fingerprints.as_bytes());
    write(&out.join("classes"), &classes());
    write(&out.join("word_characters"), &word_characters());
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("OUT_DIR can be written to");
}

/// The tokens that text can become, by rank. Special tokens have the form `<|…|>`, which no
/// ordinary token has.
fn ordinary_tokens(encoding: &CoreBPE) -> Vec<(usize, Vec<u8>)> {
    /// More than any of the vocabularies has.
    const END: u32 = 201_100;
    let special =
        |token: &[u8]| token.starts_with(b"<|") && token.ends_with(b"|>") && token.len() > 4;
    (0..END)
        .filter_map(|rank| Some((rank as usize, encoding.decode_bytes(&[rank]).ok()?)))
        .filter(|(_, token)| !special(token))
        .collect()
}

/// SHA-256 of the vocabulary as its `.tiktoken` file, which is how it is published.
fn fingerprint(tokens: &[(usize, Vec<u8>)]) -> String {
    let mut file = Sha256::new();
    for (rank, token) in tokens {
        file.update(format!("{} {rank}\n", STANDARD.encode(token)));
    }
    base16ct::lower::encode_string(&file.finalize())
}

/// The ranges of characters of a class.
fn ranges(class: &str) -> Vec<(char, char)> {
    let hir = regex_syntax::parse(class).expect("a pattern");
    let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(set)) = hir.kind()
    else {
        panic!("{class} is not a class");
    };
    let ranges = set.ranges().iter();
    ranges.map(|range| (range.start(), range.end())).collect()
}

/// `\w`: the first and the last character of each range, as numbers of 4 bytes.
fn word_characters() -> Vec<u8> {
    let ends = ranges(r"\w").into_iter().flat_map(<[char; 2]>::from);
    ends.flat_map(|end| u32::from(end).to_le_bytes()).collect()
}

/// Two levels: for each 256 code points the number of a block, then the blocks of 256 classes.
fn classes() -> Vec<u8> {
    let mut classes = vec![0_u8; 0x11_0000];
    // The numbers are those of `CharacterClass` in src/bytepair/classes.rs.
    let members = [
        (r"\p{Lu}|\p{Lt}", 1),
        (r"\p{Ll}", 2),
        (r"\p{Lm}|\p{Lo}", 3),
        (r"\p{M}", 4),
        (r"\p{N}", 5),
        (r"\s", 6),
        (r"[\r\n]", 7),
        (r"\p{P}|\p{S}", 8),
    ];
    for (pattern, class) in members {
        for (first, last) in ranges(pattern) {
            classes[first as usize..=last as usize].fill(class);
        }
    }
    let mut blocks: Vec<&[u8]> = Vec::new();
    let mut out = Vec::new();
    for block in classes.chunks(256) {
        let number = blocks
            .iter()
            .position(|known| *known == block)
            .unwrap_or_else(|| {
                blocks.push(block);
                blocks.len() - 1
            });
        out.push(u8::try_from(number).expect("fewer than 256 different blocks"));
    }
    out.extend(blocks.concat());
    out
}
