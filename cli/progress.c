/* The line of progress on stderr, for people: only where that is a terminal, redrawn in place, gone at the end. */
#include "cli.h"

#include <string.h>
#include <unistd.h>

#define REDRAW_MS 200
#define QUIET_MS  500 /* what takes less shows nothing */

static struct {
    bool on;
    bool drawn; /* something stands on the line */
    const char *verb;
    int64_t started_ms, drawn_ms;
} line; /* under the terminal's lock */

void cli_progress_start(const struct cli *c, const char *verb)
{
    line.on = !c->quiet && isatty(STDERR_FILENO);
    line.verb = verb;
    line.started_ms = cli_now_ms();
    line.drawn_ms = line.started_ms + QUIET_MS - REDRAW_MS;
}

void cli_progress_draw(int64_t files, int64_t all_files, int64_t bytes, int64_t all_bytes)
{
    char done[16], all[16], rate[16], of_files[48] = "", of_bytes[24] = "", left[32] = "";
    int64_t now, elapsed;

    if (!line.on || (now = cli_now_ms()) - line.drawn_ms < REDRAW_MS)
        return;
    line.drawn_ms = now;
    line.drawn = true;
    elapsed = now - line.started_ms;
    if (all_files > 1)
        snprintf(of_files, sizeof of_files, " %lld/%lld files", (long long)files, (long long)all_files);
    else if (all_files < 0)
        snprintf(of_files, sizeof of_files, " %lld files", (long long)files);
    if (all_bytes >= 0)
        snprintf(of_bytes, sizeof of_bytes, " of %s", cli_human(all_bytes, all));
    if (all_bytes > bytes && bytes > 0) {
        int64_t seconds = (int64_t)((double)(all_bytes - bytes) / (double)bytes * (double)elapsed / 1000);

        if (seconds < 100 * 3600)
            snprintf(left, sizeof left, ", %lld:%02d left", (long long)(seconds / 60), (int)(seconds % 60));
    }
    fprintf(stderr, "\r\033[K%s:%s %s%s, %s/s%s", line.verb, of_files, cli_human(bytes, done), of_bytes,
            cli_human((int64_t)((double)bytes * 1000 / (double)elapsed), rate), left);
    fflush(stderr);
}

void cli_progress_clear(void)
{
    if (!line.drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    line.drawn = false;
}
