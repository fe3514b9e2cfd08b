/* WAV files of 16-bit and float samples; little-endian machines only. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xFFFE, MOST_CHANNELS = 1024 };
#define STRETCH 32768u             /* frames that are read and mixed at once */
#define STREAMED (1u << 17)        /* greatest distance below 2^31 and 2^32 of sizes that writers to a pipe declare */
static const double MISSING = 0.2; /* seconds missing at the end that make a file an error */
static const double LEFT = 0.02;   /* least share of two channels' power in their mean; below it, one is inverted */

typedef struct { /* The chunk "fmt " as it lies in the file. */
    uint16_t kind, channels;
    uint32_t rate, bytes_per_second;
    uint16_t frame_bytes, bits, extra_bytes, valid_bits, mask[2], real_kind;
} Format;

typedef struct {
    FILE *file;
    const char *path;
    Format format;
    size_t frame;            /* bytes */
    uint32_t riff, declared; /* sizes in bytes: of all but its first 8 bytes, and of the sound */
} Wav;

typedef struct { char name[4]; uint32_t size; } Chunk;

/* True for chunks that may follow one of odd length that was not padded. */
static int is_known(const char *name) {
    static const char names[] = "data fmt LIST fact bext iXML id3 ";
    for (const char *place = names; *place; place += place[4] == ' ' ? 5 : 4)
        if (!memcmp(name, place, 4)) return 1;
    return 0;
}

/* Go behind a chunk that begins at `place`, padded or not. */
static int pass(FILE *file, long place, uint32_t size) {
    char next[4];
    long end = place + (long)size;
    if (fseek(file, end, SEEK_SET)) return 0;
    int bare = size % 2 && fread(next, 1, 4, file) == 4 && is_known(next);
    return !fseek(file, end + (size % 2 && !bare), SEEK_SET);
}

/* True if a WAV begins at the first of 12 bytes. */
static int begins(const char *bytes) { return !memcmp(bytes, "RIFF", 4) && !memcmp(bytes + 8, "WAVE", 4); }

static mf_status find_sound(Wav *wav) {
    Chunk chunk = {{0}, 0};
    char head[12];
    size_t there = fread(head, 1, sizeof head, wav->file);
    if (!there && feof(wav->file)) return mfi_fail(MF_INPUT, "%.400s is empty (0 bytes)", wav->path);
    int known = there == sizeof head && begins(head), found = 0;
    memcpy(&wav->riff, head + 4, sizeof wav->riff);
    while (known && fread(&chunk, 1, 8, wav->file) == 8 && !(found = !memcmp(chunk.name, "data", 4))) {
        long place = ftell(wav->file);
        size_t size = chunk.size < sizeof wav->format ? chunk.size : sizeof wav->format;
        if (!memcmp(chunk.name, "fmt ", 4) && !fread(&wav->format, 1, size, wav->file)) break;
        if (!pass(wav->file, place, chunk.size)) break;
    }
    const Format *format = &wav->format;
    int kind = format->kind == EXTENSIBLE ? format->real_kind : format->kind;
    wav->declared = chunk.size;
    wav->frame = (size_t)format->channels * format->bits / 8;
    int channels = format->channels && format->channels <= MOST_CHANNELS;
    if (found && channels && ((kind == PCM && format->bits == 16) || (kind == FLOAT && format->bits == 32)))
        return mfi_check_rate(format->rate);
    return mfi_fail(MF_INPUT, "%.150s is not a WAV file of 16-bit or float samples: ffmpeg -i %.150s -c:a pcm_s16le "
                    "song.wav", wav->path, wav->path);
}

/* True for sizes that say nothing of the length: of a writer that died, or that wrote to a pipe. */
static int is_unknown(uint32_t size, FILE *file) {
    char next[4];
    const uint32_t limits[] = {1u << 31, UINT32_MAX};
    for (int i = 0; i < 2; i++)
        if (size <= limits[i] && limits[i] - size < STREAMED) return 1;
    if (size) return 0;
    long place = ftell(file);
    int followed = fread(next, 1, 4, file) == 4 && is_known(next);
    return !fseek(file, place, SEEK_SET) && !followed;
}

static float value(const Wav *wav, const char *frames, size_t frame, size_t channel) {
    const char *place = frames + frame * wav->frame + channel * (wav->format.bits / 8u);
    int16_t integer;
    float real;
    if (wav->format.bits == 16) return memcpy(&integer, place, 2), (float)integer / 32768;
    return memcpy(&real, place, 4), real;
}

/* The mean of the channels, or the first that sounds if they cancel, as with one wired backwards. */
static void mix(const Wav *wav, const char *frames, size_t count, double *powers, float *mono) {
    size_t channels = wav->format.channels, chosen = 0;
    double power = 0, mean = 0;
    for (size_t c = 0; c < channels; c++) powers[c] = 0;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t c = 0; c < channels; c++) {
            double sample = value(wav, frames, i, c);
            sum += sample, powers[c] += sample * sample;
        }
        mono[i] = (float)(sum / (double)channels);
        power += (double)mono[i] * mono[i];
    }
    for (size_t c = 0; c < channels; c++) mean += powers[c] / (double)channels;
    if (channels == 1 || !(power < mean * LEFT * 2 / (double)channels)) return;
    while (powers[chosen] < mean / 2) chosen++;
    for (size_t i = 0; i < count; i++) mono[i] = value(wav, frames, i, chosen);
}

/* As many samples as there are, whatever the header says. */
static mf_status read_mono(Wav *wav, size_t most, char *frames, double *powers, float **samples, size_t *count) {
    size_t room = STRETCH, wanted, got;
    TRY(mfi_reserve(samples, room, sizeof **samples));
    for (*count = 0; *count < most; *count += got) {
        wanted = most - *count < STRETCH ? most - *count : STRETCH;
        if (*count + wanted > room) {
            float *more = realloc(*samples, 2 * room * sizeof *more);
            if (!more) return mfi_fail(MF_MEMORY, "no memory is left for the sound");
            *samples = more, room *= 2;
        }
        if (!(got = fread(frames, wav->frame, wanted, wav->file))) break;
        mix(wav, frames, got, powers, *samples + *count);
    }
    return MF_OK;
}

/* True if a second WAV begins where the first one ends, or somewhere in it if it does not tell its end. */
static int is_joined(const Wav *wav, int unknown) {
    char block[1 << 14];
    long end = 8 + (long)wav->riff + (long)(wav->riff % 2);
    if (!unknown) return !fseek(wav->file, end, SEEK_SET) && fread(block, 1, 12, wav->file) == 12 && begins(block);
    if (fseek(wav->file, 12, SEEK_SET)) return 0;
    for (size_t kept = 0, got; (got = fread(block + kept, 1, sizeof block - kept, wav->file)) > 0;) {
        size_t there = kept + got;
        for (size_t i = 0; i + 12 <= there; i++)
            if (begins(block + i)) return 1;
        kept = there < 11 ? there : 11;
        memmove(block, block + there - kept, kept);
    }
    return 0;
}

/* An error where sound is missing: at the end, or in a second recording, of which no length tells. */
static mf_status check_whole(const Wav *wav, int unknown, size_t count) {
    size_t declared = unknown ? 0 : wav->declared / wav->frame;
    double rate = wav->format.rate;
    if (!count) return mfi_fail(MF_INPUT, "%.400s holds no sound: no sample could be decoded", wav->path);
    if (declared > count && (double)(declared - count) > MISSING * rate)
        return mfi_fail(MF_INPUT, "%.300s is truncated or damaged: %.1f s are declared, %.1f s can be decoded. Fetch it "
                        "again", wav->path, (double)declared / rate, (double)count / rate);
    if (is_joined(wav, unknown))
        return mfi_fail(MF_INPUT, "%.300s holds recordings joined end to end, of which only one can be decoded: split it",
                        wav->path);
    return MF_OK;
}

static mf_status read_wav(Wav *wav, float **samples, size_t *count) {
    char *frames = NULL;
    double *powers = NULL;
    TRY(find_sound(wav));
    int unknown = is_unknown(wav->declared, wav->file);
    mf_status status = mfi_reserve(&frames, STRETCH, wav->frame);
    if (!status) status = mfi_reserve(&powers, wav->format.channels, sizeof *powers);
    if (!status) status = read_mono(wav, unknown ? SIZE_MAX : wav->declared / wav->frame, frames, powers, samples, count);
    free(frames);
    free(powers);
    return status ? status : check_whole(wav, unknown, *count);
}

mf_status mf_read_wav(const char *path, float **samples, size_t *count, uint32_t *sample_rate) {
    Wav wav = {NULL, path, {0}, 0, 0, 0};
    if (!path || !samples || !count || !sample_rate)
        return mfi_fail(MF_INPUT, "a path and places for samples, their number and rate are needed");
    *samples = NULL, *count = 0, *sample_rate = 0;
    wav.file = fopen(path, "rb");
    if (!wav.file) return mfi_fail(MF_INPUT, "%.400s cannot be opened", path);
    mf_status status = read_wav(&wav, samples, count);
    fclose(wav.file);
    *sample_rate = wav.format.rate;
    if (!status) return MF_OK;
    mf_free_samples(*samples);
    *samples = NULL, *count = 0;
    return status;
}
