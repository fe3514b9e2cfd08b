/* What a musicfeat model hears in a WAV file of any sample rate.
 *     cc -std=c11 -O2 -I ORT/include -I . example.c src/?*.c -o musicfeat -L ORT/lib -lonnxruntime -lm
 *     LD_LIBRARY_PATH=ORT/lib ./musicfeat ../musicfeat/models/music-small.onnx song.wav */
#include "musicfeat.h"

#include <stdio.h>
#include <stdlib.h>

#define FAIL(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))
enum { TOP = 5 };

static void print(const mf_features *found, const mf_info *model) {
    for (size_t i = 0; i < found->windows; i++) {
        double seconds = found->ends[i] - found->starts[i];
        printf("%8.2f s  ", found->starts[i]);
        if (found->silent[i]) printf("silent");
        else if (seconds < 1) printf("too short to judge");
        else printf("P(backwards) %.4f", found->reversal[i]);
        int whole = seconds * model->sample_rate + 0.5 >= (double)model->window;
        if (whole && !found->silent[i]) printf("  P(out of order) %.4f", found->jigsaw[i]);
        putchar('\n');
    }
    for (size_t rank = 0, best = 0; rank < TOP && rank < found->label_count; rank++, found->tags[best] = -1) {
        for (size_t i = 0; i < found->label_count; i++) best = found->tags[i] > found->tags[best] ? i : best;
        printf("%10.4f  %s\n", found->tags[best], model->labels[best]);
    }
}

int main(int count, char **words) {
    mf_model *model;
    mf_features *found;
    float *mono;
    size_t samples;
    uint32_t rate;
    if (count != 3) FAIL("usage: %s MODEL.onnx SONG.wav", words[0]);
    if (mf_open(words[1], 1, &model)) FAIL("%s: %s", words[1], mf_error());
    if (mf_read_wav(words[2], &mono, &samples, &rate)) FAIL("%s", mf_error());
    if (mf_extract(model, mono, samples, rate, 0, &found)) FAIL("%s: %s", words[2], mf_error());
    mf_info info = mf_describe(model);
    print(found, &info);
    mf_free_features(found);
    mf_free_samples(mono);
    mf_close(model);
    return 0;
}
