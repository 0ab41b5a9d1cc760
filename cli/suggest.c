/* Suggestions for a command line that is not understood. */
#include "cli.h"

#include <string.h>

/* Names that other commands have for verbs. */
static const struct {
    const char *word, *verb;
} others[] = {
    { "list", "ls" },
    { "dir", "ls" },
    { "copy", "cp" },
    { "get", "cp" },
    { "put", "cp" },
    { "upload", "cp" },
    { "download", "cp" },
    { "sync", "cp" },
    { "rsync", "cp" },
    { "move", "mv" },
    { "rename", "mv" },
    { "ren", "mv" },
    { "delete", "rm" },
    { "del", "rm" },
    { "remove", "rm" },
    { "rb", "rm" },
    { "rmdir", "rm" },
    { "mb", "mkdir" },
    { "md", "mkdir" },
    { "makedirs", "mkdir" },
    { "info", "stat" },
    { "size", "du" },
    { "tree", "find" },
    { "presign", "sign" },
    { "signurl", "sign" },
    { "type", "cat" },
    { "checkpoint", "ckpt" },
    { "log", "logs" },
    { "options", "fs" },
    { "schemes", "fs" },
    { "head", "cat PATH | head" },
    { "tail", "cat PATH | tail" },
    { "less", "cat PATH | less" },
    { "more", "cat PATH | more" },
};

/* Letters that these commands take elsewhere. */
static const struct {
    const char *verb;
    char letter;
    const char *text;
} letters[] = {
    { "du", 's', "unknown option -s; du gives the sum alone in any case; for sizes as 1.5 MiB write --human" },
    { "cp", 'R', "unknown option -R; did you mean -r?" },
    { "rm", 'R', "unknown option -R; did you mean -r?" },
};

#define LONGEST 12 /* letters of a word that is compared */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* The edit distance, where exchanging two neighbouring letters counts as one step. Both words have at most LONGEST
 * letters. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[LONGEST + 1][LONGEST + 1];
    size_t n = strlen(a), m = strlen(b);

    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            rows[i][j] = smallest(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && rows[i - 2][j - 2] + 1 < rows[i][j])
                rows[i][j] = rows[i - 2][j - 2] + 1;
        }
    return rows[n][m];
}

const char *cli_nearest_verb(const char *word)
{
    const char *best = NULL;
    size_t least = strlen(word) <= 3 ? 2 : 3; /* the distance must be below it */

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(word, others[i].word) == 0)
            return others[i].verb;
    for (size_t i = 0; strlen(word) <= LONGEST && cli_verbs[i]; i++) {
        size_t d = distance(word, cli_verbs[i]->name);

        if (d < least && d < strlen(word)) {
            least = d;
            best = cli_verbs[i]->name;
        }
    }
    return best;
}

const char *cli_letter_elsewhere(const char *verb, char letter)
{
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (letters[i].letter == letter && strcmp(letters[i].verb, verb) == 0)
            return letters[i].text;
    return NULL;
}

const struct cli_option *cli_nearest_option(const struct cli_option *options, const char *word)
{
    const struct cli_option *best = NULL;
    size_t least = 3; /* the distance must be below it */

    for (; strlen(word) <= LONGEST && options && options->name; options++) {
        size_t d = strlen(options->name) <= LONGEST ? distance(word, options->name) : least;

        if (d < least && d < strlen(word)) {
            least = d;
            best = options;
        }
    }
    return best;
}
