/* Stretches that play backwards: the evidence in them sums to more than 0, and a cut near by begins and ends them. */
#include "internal.h"

#include <math.h>

static const double LEAST_SECONDS = 1, REACH_SECONDS = 2, FARTHER = 2, LEAST_CUT = 0.02, DROP = 2;

static double gain(const mf_continuity_result *found, size_t i) { return -mfi_evidence_of(found->backwards[i]); }

/* Time of the likeliest cut within `reach` seconds of a time, near ones preferred; that time if there is none. */
static double likeliest(const mf_continuity_result *found, double time, double reach) {
    double best = time, most = -INFINITY, least = mfi_evidence_of(LEAST_CUT);
    for (size_t i = 0; i < found->count; i++) {
        double place = found->times[i], score = -found->evidence[i] - FARTHER * fabs(place - time);
        if (place < time - reach || place >= time + reach || found->evidence[i] > least || score <= most) continue;
        best = place;
        most = score;
    }
    return best;
}

/* The stretch of the values `first` to `last`, whose ends move to cuts unless the recording begins or ends there. */
static mf_stretch stretch_of(const mf_continuity_result *found, size_t first, size_t last) {
    double half = found->backwards_step / 2, total = 0;
    double start = found->backwards_times[first] - half, end = found->backwards_times[last] + half;
    double reach = fmin(REACH_SECONDS, (end - start) / 3);
    for (size_t i = first; i <= last; i++) total += gain(found, i);
    return (mf_stretch){
        .start = first ? likeliest(found, start, reach) : start,
        .end = last + 1 < found->backwards_count ? likeliest(found, end, reach) : end,
        .probability = 1 / (1 + exp(-total / (double)(last + 1 - first)))};
}

size_t mf_stretches(const mf_continuity_result *continuity, double least, mf_stretch *stretches, size_t room) {
    size_t chosen = 0, first = 0, last = 0;
    double total = 0, best = 0;
    if (!continuity || !stretches) return 0;
    for (size_t i = 0; i <= continuity->backwards_count && chosen < room; i++) {
        if (i < continuity->backwards_count) {
            total += gain(continuity, i);
            if (total > best) {
                if (best == 0) first = i;
                last = i;
                best = total;
            }
            if (total > fmax(0, best - DROP)) continue;
        }
        if (best > 0) {
            mf_stretch one = stretch_of(continuity, first, last);
            if (one.probability >= least && one.end - one.start >= LEAST_SECONDS) stretches[chosen++] = one;
        }
        total = best = 0;
    }
    return chosen;
}
