// What the pages of this book need besides mdBook's own scripts: tables on a phone, and a search that
// finds Chinese.

'use strict';

(() => {
    // On a phone each cell of a table is a line of its own (see book.css). So it has to know the head of
    // its column.
    for (const table of document.querySelectorAll('main table')) {
        const heads = [...table.tHead?.rows[0].cells ?? []].map((head) => head.textContent);
        for (const row of table.tBodies[0]?.rows ?? []) {
            [...row.cells].forEach((cell, column) => { cell.dataset.head = heads[column]; });
        }
    }

    // mdBook's index has no Chinese words in it, but it has the texts of all pages, so a query that is
    // Chinese is looked up there.
    if (window.elasticlunr) {
        const { Index } = window.elasticlunr;
        const load = Index.load;
        Index.load = (data) => {
            const index = load.call(Index, data);
            const search = index.search;
            index.search = (query, options) => {
                const isChinese = /\p{Script=Han}/u.test(query);
                return isChinese ? searchTexts(data.documentStore.docs, query) : search.call(index, query, options);
            };
            return index;
        };
    }

    // Finds the texts with all words of the query in them, and first those that have them most often.
    function searchTexts(texts, query) {
        const words = query.split(/\s+/).filter(Boolean);
        const found = [];
        for (const [ref, doc] of Object.entries(texts)) {
            const counts = words.map((word) => `${doc.title} ${doc.body}`.split(word).length - 1);
            if (counts.every((count) => count > 0)) found.push({ ref, doc, score: Math.min(...counts) });
        }
        return found.sort((one, other) => other.score - one.score);
    }
})();
