/*
 * The local files that one cp or mv has written. On a disk two names may be one file ("A" and "a", or through a linked
 * directory). Then the second source would replace the first one's copy, and a move would already have removed the
 * first source. So a file that this command has written is not written again, and two targets that may be the same file
 * are not written at the same time.
 */
#include "cli.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_RUNNING 65 /* 64 copying threads and the main thread */

struct cli_made {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct cli_alike *alike;
    struct cli_names *files;    /* device and inode of each finished file */
    char *running[MAX_RUNNING]; /* paths being written, links resolved; NULL: a free row */
};

struct cli_made *cli_made_new(void)
{
    struct cli_made *made = cli_alloc(sizeof *made);

    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->ended, NULL);
    made->alike = cli_alike_new();
    made->files = cli_names_new();
    return made;
}

void cli_made_free(struct cli_made *made)
{
    if (!made)
        return;
    cli_alike_free(made->alike);
    cli_names_free(made->files);
    pthread_cond_destroy(&made->ended);
    pthread_mutex_destroy(&made->lock);
    free(made);
}

static bool identity(const char *path, char out[64])
{
    struct stat st;

    if (stat(path, &st) < 0)
        return false;
    snprintf(out, 64, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return true;
}

/* Resolves the links in the existing part of the path. */
static char *place_of(const char *path)
{
    char *head = cli_strdup(path), *real, *slash, *place;

    while (!(real = realpath(head, NULL)) && (slash = strrchr(head, '/')))
        *slash = '\0';
    place = real ? cli_join(real, cli_rest(head, path)) : cli_strdup(path);
    free(real);
    free(head);
    return place;
}

static bool runs_locked(const struct cli_made *made, const char *place, size_t *ret_free)
{
    for (size_t i = 0; i < MAX_RUNNING; i++) {
        if (!made->running[i])
            *ret_free = i;
        else if (cli_alike(made->alike, made->running[i], place))
            return true;
    }
    return false;
}

bool cli_made_begin(struct cli_made *made, const char *path, size_t *ret_row)
{
    char *place = place_of(path), id[64];
    bool new;

    pthread_mutex_lock(&made->lock);
    while (runs_locked(made, place, ret_row))
        pthread_cond_wait(&made->ended, &made->lock);
    new = !identity(path, id) || !cli_names_has(made->files, id, strlen(id));
    if (new)
        made->running[*ret_row] = place;
    pthread_mutex_unlock(&made->lock);
    if (!new)
        free(place);
    return new;
}

void cli_made_end(struct cli_made *made, const char *path, size_t row, bool done)
{
    char id[64];

    pthread_mutex_lock(&made->lock);
    if (done && identity(path, id))
        cli_names_add(made->files, id, strlen(id), false);
    free(made->running[row]);
    made->running[row] = NULL;
    pthread_cond_broadcast(&made->ended);
    pthread_mutex_unlock(&made->lock);
}

void cli_say_made(struct cli *c, const char *from, const char *to)
{
    cli_failf(c, CLI_FAILED, "%s is not copied to %s: on this disk that is the same file as another source's copy",
              from, to);
}
