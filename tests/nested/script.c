/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The script: steps taken one after the other, each once a line of output
 * held its text. It is what a person at the machine would do.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct delayed {
    struct machine *machine;
    const struct step *step;
};

bool script_add(struct machine *m, char *text)
{
    char *arrow = strstr(text, "=>");
    struct step *step = &m->steps[m->step_count];

    if (!arrow || m->step_count == MAX_STEPS)
        return false;
    *arrow = '\0';
    arrow += 2;
    step->text = text;
    if (!strncmp(arrow, "send ", 5)) {
        step->action = STEP_SEND;
        step->send = arrow + 5;
    } else if (!strncmp(arrow, "strike ", 7)) {
        step->action = STEP_STRIKE;
        if (!strike_parse(&step->strike, arrow + 7))
            return false;
    } else if (!strncmp(arrow, "end ", 4)) {
        step->action = STEP_END;
        step->delay_ms = (unsigned)atoi(arrow + 4);
    } else if (strcmp(arrow, "wait") != 0) {
        return false;
    }
    m->step_count++;
    return true;
}

static void *run_delayed(void *argument)
{
    struct delayed *d = argument;

    if (d->step->action == STEP_STRIKE) {
        usleep(d->step->strike.delay_ms * 1000);
        machine_strike(d->machine, &d->step->strike);
    } else {
        usleep(d->step->delay_ms * 1000);
        machine_end(d->machine, 0, "script");
    }
    free(d);
    return NULL;
}

static void run_later(struct machine *m, const struct step *step)
{
    struct delayed *d = malloc(sizeof(*d));
    pthread_t thread;

    if (!d)
        return;
    *d = (struct delayed){m, step};
    pthread_create(&thread, NULL, run_delayed, d);
    pthread_detach(thread);
}

/* A line with "hpa":N (decimal, or 0x...) says where the error is. */
static void learn_address(struct machine *m, const char *line)
{
    const char *field = strstr(line, "\"hpa\":");

    if (!field)
        return;
    field += strlen("\"hpa\":");
    m->told_address = strtoull(field + (*field == '"'), NULL, 0);
}

void script_line(struct machine *m, const char *line)
{
    const struct step *step = &m->steps[m->step_next];

    learn_address(m, line);
    if (m->step_next == m->step_count || !strstr(line, step->text))
        return;
    m->step_next++;
    printf("nested: step %u of %u\n", m->step_next, m->step_count);
    if (step->action == STEP_SEND)
        uart_receive(m, &m->com2, step->send);
    else if (step->action != STEP_WAIT)
        run_later(m, step);
}
