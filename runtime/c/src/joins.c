/* Joins of pieces: the end of one and the beginning of another in one window, scored by the model. */
#include "internal.h"

#include <math.h>
#include <string.h>

static const double SLACK_SECONDS = 0.003, SURE = 5.5, WORN = 0.1;

/* One slot of a window: a piece's end or beginning, half the gap silent at that edge. */
static void place(const Joins *joins, size_t piece, size_t missing, int is_tail, float *to) {
    size_t room = joins->slot - missing, count = joins->pieces[piece].count, kept = count < room ? count : room;
    size_t spare = room - kept, excess = count - kept, before = missing / 2;
    int fits = (double)(spare + excess) <= SLACK_SECONDS * (double)joins->model->rate;
    size_t from = fits ? excess / 2 : is_tail ? excess : 0;
    before += fits ? spare / 2 : is_tail ? spare : 0;
    memset(to, 0, joins->slot * sizeof *to);
    memcpy(to + before, joins->pieces[piece].samples + from, kept * sizeof *to);
}

/* Nats for the join before a slot of a window to run on, by the window's curve of cuts. */
static double evidence(const Joins *joins, size_t slot) {
    double place = (double)(slot * joins->slot) / (double)joins->model->rate;
    double certain = mfi_evidence_at(&joins->model->cut, joins->cut, place);
    return log(WORN + (1 - WORN) * exp(certain - SURE));
}

/* Hear the pieces `who` in one window: its table, and evidence of its joins where nothing is missing. */
static mf_status hear(Joins *joins, const size_t *who, size_t size) {
    const mf_model *model = joins->model;
    const size_t sizes[OUTPUTS] = {[SUCCESSOR] = model->pieces * model->pieces, [CUT] = model->cut.moments};
    float *const to[OUTPUTS] = {[SUCCESSOR] = joins->table, [CUT] = joins->touching ? joins->cut : NULL};
    memset(joins->window, 0, model->window * sizeof *joins->window);
    for (size_t i = 0; i < size; i++)
        memcpy(joins->window + i * joins->slot, (i ? joins->heads : joins->tails) + who[i] * joins->slot,
               joins->slot * sizeof *joins->window);
    TRY(mfi_run(model, joins->window, to, sizes));
    for (size_t b = 1; b < size && joins->touching; b++)
        joins->evidence[who[b - 1] * joins->n + who[b]] = evidence(joins, b);
    return MF_OK;
}

/* Score the pieces `who` in one window; with `all`, every pair of them, else those that begin with the first. */
static mf_status score(Joins *joins, const size_t *who, size_t size, int all, double *total) {
    TRY(hear(joins, who, size));
    for (size_t a = 0; a < (all ? size : 1); a++)
        for (size_t b = 0; b < size; b++) {
            if (a == b) continue;
            total[who[a] * joins->n + who[b]] += joins->table[a * joins->model->pieces + b];
            joins->seen[who[a] * joins->n + who[b]] += 1;
        }
    return MF_OK;
}

/* Sets of up to three pieces that hold every pair at least once, greedily few. */
static mf_status score_triples(Joins *joins, double *total) {
    size_t n = joins->n;
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++) {
            if (joins->seen[a * n + b]) continue;
            size_t who[3] = {a, b, n}, best = 0;
            for (size_t c = 0; c < n; c++) {
                size_t gain = 1 + !joins->seen[a * n + c] + !joins->seen[b * n + c];
                if (c != a && c != b && gain > best) best = gain, who[2] = c;
            }
            TRY(score(joins, who, who[2] < n ? 3 : 2, 1, total));
        }
    return MF_OK;
}

/* Each piece directly before each other: a pair of pieces, and its first again. */
static mf_status hear_there_and_back(Joins *joins) {
    for (size_t a = 0; a < joins->n; a++)
        for (size_t b = a + 1; b < joins->n; b++) TRY(hear(joins, (size_t[]){a, b, a}, 3));
    return MF_OK;
}

static mf_status score_couples(Joins *joins, double *total) {
    for (size_t a = 0; a < joins->n; a++)
        for (size_t b = 0; b < joins->n; b++)
            if (a != b) TRY(score(joins, (size_t[]){a, b}, 2, 0, total));
    return MF_OK;
}

mf_status mfi_score_joins(Joins *joins, double gap, double *total) {
    size_t n = joins->n, missing = (size_t)nearbyint(gap * (double)joins->model->rate);
    int alike = joins->model->pieces > 2; /* A model of two pieces to a window has no room for three. */
    for (size_t i = 0; i < n; i++) {
        place(joins, i, missing, 1, joins->tails + i * joins->slot);
        place(joins, i, missing, 0, joins->heads + i * joins->slot);
    }
    for (size_t i = 0; alike && i < n * joins->slot; i++) alike = joins->tails[i] == joins->heads[i];
    memset(joins->seen, 0, n * n * sizeof *joins->seen);
    memset(joins->evidence, 0, n * n * sizeof *joins->evidence);
    joins->touching = joins->model->has[CUT] && !missing;
    TRY(alike ? score_triples(joins, total) : score_couples(joins, total));
    if (alike && joins->touching) TRY(hear_there_and_back(joins));
    for (size_t i = 0; i < n * n; i++) total[i] = total[i] / fmax(joins->seen[i], 1) + joins->evidence[i];
    return MF_OK;
}
