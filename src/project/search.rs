//! How a tender is found by a word: every pair of neighbouring characters of its texts is kept, and a query is
//! found where all its pairs are. That works for Chinese, which has no spaces, and alike on both databases.

use std::collections::BTreeSet;

/// Longest text that is indexed or searched, in characters.
const CHARACTERS_MAX: usize = 200;

/// The pairs under which a lot with these texts is kept.
pub fn grams_of(texts: &[&str]) -> Vec<String> {
    let grams: BTreeSet<String> = texts.iter().flat_map(|text| pairs(text)).collect();
    grams.into_iter().collect()
}

/// The pairs that a query needs, without repetition; empty if nothing in it can be searched for (a single character).
pub fn grams_for(query: &str) -> Vec<String> {
    grams_of(&[query])
}

/// Whether a text contains every word of the query as [`grams_for`] sees it; used to check, not to search.
pub fn matches(texts: &[&str], query: &str) -> bool {
    let kept = grams_of(texts);
    grams_for(query).iter().all(|gram| kept.contains(gram))
}

fn pairs(text: &str) -> Vec<String> {
    let words: Vec<Vec<char>> = text
        .chars()
        .take(CHARACTERS_MAX)
        .flat_map(char::to_lowercase)
        .collect::<Vec<char>>()
        .split(|c| !c.is_alphanumeric())
        .map(<[char]>::to_vec)
        .collect();
    words.iter().flat_map(|word| word.windows(2).map(|pair| pair.iter().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_word_is_found_inside_a_title() {
        let title = ["大连市滨海路桥梁维修工程", "SB-2026-000042"];
        for query in ["桥梁", "滨海路", "桥梁 维修", "sb-2026", "000042"] {
            assert!(matches(&title, query), "{query}");
        }
        for query in ["隧道", "海滨", "桥梁 隧道"] {
            assert!(!matches(&title, query), "{query}");
        }
    }

    #[test]
    fn punctuation_and_case_do_not_matter() {
        assert_eq!(grams_for("A-b c"), [] as [&str; 0]);
        assert_eq!(grams_for("AB，cd"), ["ab", "cd"]);
    }

    #[test]
    fn a_single_character_is_no_query_and_a_long_text_is_cut() {
        assert!(grams_for("桥").is_empty());
        assert_eq!(grams_for(&"工程".repeat(5000)).len(), 2);
    }
}
