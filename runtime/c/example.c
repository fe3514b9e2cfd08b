/* What a musicfeat model hears in a WAV file. Little-endian machines only.
 *     cc -std=c11 -O2 -I ORT/include example.c musicfeat.c -o musicfeat -L ORT/lib -lonnxruntime -lm
 *     LD_LIBRARY_PATH=ORT/lib ./musicfeat ../musicfeat/models/music-small.onnx song.wav */
#include "musicfeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAIL(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))
enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xFFFE, TOP = 5 };

typedef struct { /* The chunk "fmt " as it lies in the file. */
    uint16_t kind, channels;
    uint32_t rate, bytes_per_second;
    uint16_t frame_bytes, bits, extra_bytes, valid_bits, mask[2], real_kind;
} Format;

/* How many bytes of sound follow from here. */
static size_t open_wav(const char *path, FILE *file, Format *format) {
    struct { char name[4]; uint32_t size; } chunk = {{0}, 0};
    char riff[12];
    if (!file) FAIL("%s cannot be opened", path);
    int known = fread(riff, 1, 12, file) == 12 && !memcmp(riff, "RIFF", 4) && !memcmp(riff + 8, "WAVE", 4), found = 0;
    while (known && fread(&chunk, 1, 8, file) == 8 && !(found = !memcmp(chunk.name, "data", 4))) {
        long next = ftell(file) + (long)chunk.size + (long)(chunk.size % 2);
        size_t size = chunk.size < sizeof *format ? chunk.size : sizeof *format;
        if (!memcmp(chunk.name, "fmt ", 4) && !fread(format, 1, size, file)) break;
        if (fseek(file, next, SEEK_SET)) break;
    }
    int kind = format->kind == EXTENSIBLE ? format->real_kind : format->kind;
    if (!found || !format->channels || !((kind == PCM && format->bits == 16) || (kind == FLOAT && format->bits == 32)))
        FAIL("%s is not a WAV file of 16-bit or float samples: ffmpeg -i %s -c:a pcm_s16le song.wav", path, path);
    return chunk.size;
}

/* The mean of the channels; as many samples as there are, whatever the header says. */
static float *read_mono(FILE *file, const Format *format, size_t bytes, size_t *count) {
    size_t frame = (size_t)format->channels * format->bits / 8, room = 1 << 16;
    float *mono = malloc(room * sizeof *mono);
    char *values = malloc(frame);
    for (*count = 0; mono && values && (*count + 1) * frame <= bytes && fread(values, frame, 1, file); ++*count) {
        if (*count == room && !(mono = realloc(mono, (room *= 2) * sizeof *mono))) break;
        mono[*count] = 0;
        for (uint16_t channel = 0; channel < format->channels; channel++) {
            int16_t integer;
            float real;
            if (format->bits == 16) memcpy(&integer, values + 2 * channel, 2), real = (float)integer / 32768;
            else memcpy(&real, values + 4 * channel, 4);
            mono[*count] += real / (float)format->channels;
        }
    }
    free(values);
    if (!mono) FAIL("no memory is left for the sound");
    return mono;
}

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
    Format format = {0};
    if (count != 3) FAIL("usage: %s MODEL.onnx SONG.wav", words[0]);
    if (mf_open(words[1], 1, &model)) FAIL("%s: %s", words[1], mf_error());
    FILE *file = fopen(words[2], "rb");
    size_t bytes = open_wav(words[2], file, &format), samples;
    float *mono = read_mono(file, &format, bytes, &samples);
    fclose(file);
    if (mf_extract(model, mono, samples, format.rate, 0, &found)) FAIL("%s: %s", words[2], mf_error());
    mf_info info = mf_describe(model);
    print(found, &info);
    mf_free_features(found);
    mf_close(model);
    free(mono);
    return 0;
}
