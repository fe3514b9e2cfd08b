/* The most probable order of some pieces, by the scores of their joins. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GAPS = 64 };
static const double LEAST_SECONDS = 1, GAP_STEP = 0.05;

static double log_sum(const double *values, size_t count) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, values[i]);
    if (most == -INFINITY) return most;
    for (size_t i = 0; i < count; i++) sum += exp(values[i] - most);
    return most + log(sum);
}

/* [2^n][n]: the best score, or the logarithm of all of them summed, over the orders of a set that end with a piece. */
static void sweep(const double *scores, size_t n, int is_sum, double *table) {
    double values[MF_MOST_PIECES];
    for (size_t i = 0; i < n << n; i++) table[i] = -INFINITY;
    for (size_t i = 0; i < n; i++) table[((size_t)1 << i) * n + i] = 0;
    for (size_t set = 1; set < (size_t)1 << n; set++)
        for (size_t last = 0; last < n; last++) {
            if (!(set >> last & 1) || !(set & (set - 1))) continue;
            double best = -INFINITY;
            for (size_t i = 0; i < n; i++) {
                values[i] = table[(set ^ (size_t)1 << last) * n + i] + scores[i * n + last];
                best = fmax(best, values[i]);
            }
            table[set * n + last] = is_sum ? log_sum(values, n) : best;
        }
}

/* Held and Karp (1962). */
static void best_order(const double *scores, size_t n, double *table, size_t *order) {
    size_t set = ((size_t)1 << n) - 1;
    sweep(scores, n, 0, table);
    for (size_t rank = n; rank-- > 0; set ^= (size_t)1 << order[rank]) {
        double most = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            double value = table[set * n + i] + (rank + 1 < n ? scores[i * n + order[rank + 1]] : 0);
            if (value > most) most = value, order[rank] = i;
        }
    }
}

static double path(const double *scores, size_t n, const size_t *order) {
    double sum = 0;
    for (size_t i = 1; i < n; i++) sum += scores[order[i - 1] * n + order[i]];
    return sum;
}

/* P(not in order as handed) when the identity has prior 1/2 and the other orders share the rest. */
static double shuffled(double identity, double partition, size_t n) {
    double others = partition + log1p(-exp(fmin(identity - partition, -1e-12))), count = lgamma((double)n + 1);
    double odds = identity - others + count + log1p(-exp(-count));
    return 1 / (1 + exp(fmin(fmax(odds, -700), 700)));
}

/* Probabilities are summed over the gaps that were tried. */
static mf_status most_probable(const double *tables, size_t gaps, const Joins *joins, mf_order_result *result) {
    size_t n = joins->n, identity[MF_MOST_PIECES], order[MF_MOST_PIECES] = {0}, best = 0;
    double partitions[MOST_GAPS], handed[MOST_GAPS], chosen[MOST_GAPS], most = -INFINITY, *sums;
    TRY(mfi_reserve(&sums, n << n, sizeof *sums));
    for (size_t i = 0; i < n; i++) identity[i] = i;
    for (size_t g = 0; g < gaps; g++) {
        const double *scores = tables + g * n * n;
        best_order(scores, n, sums, order);
        if (path(scores, n, order) > most) {
            most = path(scores, n, order), best = g;
            memcpy(result->permutation, order, n * sizeof *order);
        }
        sweep(scores, n, 1, sums);
        partitions[g] = log_sum(sums + (((size_t)1 << n) - 1) * n, n);
        handed[g] = path(scores, n, identity);
    }
    free(sums);
    for (size_t g = 0; g < gaps; g++) chosen[g] = path(tables + g * n * n, n, result->permutation);
    double partition = log_sum(partitions, gaps);
    result->probability = fmin(1, exp(log_sum(chosen, gaps) - partition));
    result->shuffled = shuffled(log_sum(handed, gaps), partition, n);
    memcpy(result->scores, tables + best * n * n, n * n * sizeof *tables);
    result->gap = gaps > 1 ? (double)best * GAP_STEP : result->gap;
    return MF_OK;
}

static mf_status ordered(Joins *joins, size_t gaps, double gap, mf_order_result *result) {
    double *tables;
    size_t n = joins->n;
    mf_status status = MF_OK;
    TRY(mfi_reserve(&result->permutation, n, sizeof *result->permutation));
    TRY(mfi_reserve(&result->scores, n * n, sizeof *result->scores));
    TRY(mfi_reserve(&joins->tails, n * joins->slot, sizeof *joins->tails));
    TRY(mfi_reserve(&joins->heads, n * joins->slot, sizeof *joins->heads));
    TRY(mfi_reserve(&joins->window, joins->model->window, sizeof *joins->window));
    TRY(mfi_reserve(&joins->table, joins->model->pieces * joins->model->pieces, sizeof *joins->table));
    TRY(mfi_reserve(&joins->cut, joins->model->cut.moments + 1, sizeof *joins->cut));
    TRY(mfi_reserve(&joins->seen, n * n, sizeof *joins->seen));
    TRY(mfi_reserve(&joins->evidence, n * n, sizeof *joins->evidence));
    TRY(mfi_reserve(&tables, gaps * n * n, sizeof *tables));
    result->pieces = n, result->gap = gap;
    for (size_t g = 0; !status && g < gaps; g++)
        status = mfi_score_joins(joins, gaps > 1 ? (double)g * GAP_STEP : gap, tables + g * n * n);
    if (!status) status = most_probable(tables, gaps, joins, result);
    free(tables);
    return status;
}

static mf_status hear_pieces(const mf_model *model, const float *const *pieces, const size_t *counts, size_t n,
                             uint32_t sample_rate, Sound *sounds) {
    for (size_t i = 0; i < n; i++) {
        TRY(mfi_hear(model, pieces[i], counts[i], sample_rate, &sounds[i]));
        double seconds = (double)sounds[i].count / (double)model->rate;
        if (seconds < LEAST_SECONDS)
            return mfi_fail(MF_INPUT, "piece %zu lasts %.2f s; at least %g s is needed to compare it", i, seconds,
                            LEAST_SECONDS);
    }
    return MF_OK;
}

mf_status mf_order(const mf_model *model, const float *const *pieces, const size_t *counts, size_t n,
                   uint32_t sample_rate, double gap, mf_order_result **order) {
    Sound sounds[MF_MOST_PIECES] = {{0}};
    if (!model || !order) return mfi_fail(MF_INPUT, "a model and a place for the order are needed");
    *order = NULL;
    if (!model->has[SUCCESSOR]) return mfi_fail(MF_MODEL, "model %s has no successor", model->name);
    if (n < 2 || n > MF_MOST_PIECES || !pieces || !counts)
        return mfi_fail(MF_INPUT, "ordering needs 2 to %d pieces, got %zu", MF_MOST_PIECES, n);
    double largest = floor((double)model->distance / (double)model->rate / GAP_STEP + 1e-9) * GAP_STEP;
    int unknown = gap == MF_GAP_UNKNOWN;
    size_t gaps = unknown ? (size_t)ceil((largest + 1e-9) / GAP_STEP) : 1;
    if ((!unknown && !(gap >= 0 && gap <= largest + 1e-9)) || gaps > MOST_GAPS)
        return mfi_fail(MF_INPUT, "gap must be from 0 to %.2f seconds, or MF_GAP_UNKNOWN, got %g", largest, gap);
    Joins joins = {.model = model, .pieces = sounds, .n = n, .slot = model->window / model->pieces};
    mf_status status = hear_pieces(model, pieces, counts, n, sample_rate, sounds);
    if (!status) status = mfi_reserve(order, 1, sizeof **order);
    if (!status) status = ordered(&joins, gaps, gap, *order);
    void *parts[] = {joins.tails, joins.heads, joins.window, joins.table, joins.cut, joins.seen, joins.evidence};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) free(parts[i]);
    for (size_t i = 0; i < n; i++) free(sounds[i].owned);
    if (!status) return MF_OK;
    mf_free_order(*order);
    *order = NULL;
    return status;
}

void mf_free_order(mf_order_result *order) {
    if (!order) return;
    free(order->permutation);
    free(order->scores);
    free(order);
}
